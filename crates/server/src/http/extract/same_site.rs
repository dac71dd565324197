//! Rejects logins from pages of another site. Browsers ignore the `SameSite` cookies of such a response, so the login would
//! succeed without a session in the browser.

use crate::http::error::HttpError;
use crate::http::middleware::cors;
use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest};
use std::future::{Ready, ready};

/// Admits a request unless the browser says that the page is of another site. It is the first argument of handlers that
/// set the session cookie, so that the password is not checked.
pub struct SameSite;

impl FromRequest for SameSite {
    type Error = HttpError;
    type Future = Ready<Result<Self, HttpError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let headers = request.headers();
        let is_cross_site = headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site");
        ready(if is_cross_site {
            Err(HttpError::CrossSite { origin: cors::loggable(headers.get(header::ORIGIN)) })
        } else {
            Ok(Self)
        })
    }
}
