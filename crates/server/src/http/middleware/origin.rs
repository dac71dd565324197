//! Protection against cross-site request forgery (CSRF).
//!
//! Browsers state the origin of a request in `Sec-Fetch-Site` and `Origin`, and pages cannot change either
//! header. The middleware checks both for every unsafe method, login and logout included. A request with
//! neither header comes from a program other than a browser, which carries no user's cookies to misuse. Preflights are
//! checked too, so that the log has the cause if a page of another origin cannot call the API.

use super::cors;
use super::rejection_log::RejectionLog;
use crate::http::error::HttpError;
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderMap};
use actix_web::middleware::Next;
use actix_web::{Error, web};
use url::Url;

/// The origins whose pages may send unsafe requests.
pub struct OriginPolicy {
    /// The server's own origin, as browsers serialize it.
    own: String,
    /// Other origins whose pages may call the API.
    pub allowed: Vec<String>,
}

impl OriginPolicy {
    pub fn new(public_url: &Url, allowed: &[String]) -> Self {
        Self { own: public_url.origin().ascii_serialization(), allowed: allowed.to_vec() }
    }

    fn permits(&self, headers: &HeaderMap) -> bool {
        let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default());
        let origin = text(header::ORIGIN.as_str());
        let is_allowed = || origin.is_some_and(|origin| self.allowed.iter().any(|allowed| allowed == origin));
        match text("sec-fetch-site") {
            // `none`: the user started the request, for example with a bookmark.
            Some("same-origin" | "none") => true,
            Some(_) => is_allowed(),
            None => origin.is_none_or(|origin| origin == self.own) || is_allowed(),
        }
    }
}

/// Rejects unsafe requests that come from a page of a foreign origin, and their preflights. Logs safe requests
/// of such pages.
pub async fn check<B: MessageBody + 'static>(
    origins: web::Data<OriginPolicy>,
    rejections: web::Data<RejectionLog>,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let headers = request.headers();
    let is_preflight =
        request.method() == Method::OPTIONS && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    if !origins.permits(headers) {
        let error = HttpError::ForbiddenOrigin { origin: cors::loggable(headers.get(header::ORIGIN)) };
        if is_preflight || !request.method().is_safe() {
            return Ok(request.error_response(error).map_into_right_body());
        }
        // The browser withholds the response from the page. Links have no `Origin`.
        if headers.contains_key(header::ORIGIN) {
            rejections.log(&error);
        }
    }
    let response = next.call(request).await?;
    Ok(match cors::rejection(&response) {
        Some(error) => ServiceResponse::from_err(error, response.into_parts().0).map_into_right_body(),
        None => response.map_into_left_body(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::{HeaderName, HeaderValue};

    fn permits(headers: &[(&'static str, &'static str)]) -> bool {
        let own = Url::parse("https://chat.example.com").unwrap();
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        OriginPolicy::new(&own, &["https://app.example.com".into()]).permits(&map)
    }

    #[test]
    fn own_origin_and_non_browser_client_are_permitted() {
        assert!(permits(&[]));
        assert!(permits(&[("sec-fetch-site", "same-origin"), ("origin", "https://chat.example.com")]));
        assert!(permits(&[("origin", "https://chat.example.com")]));
    }

    #[test]
    fn foreign_origin_is_rejected() {
        assert!(!permits(&[("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")]));
        assert!(!permits(&[("sec-fetch-site", "same-site"), ("origin", "https://blog.example.com")]));
        assert!(!permits(&[("sec-fetch-site", "cross-site")]));
        assert!(!permits(&[("origin", "https://evil.example")]));
        assert!(!permits(&[("origin", "http://chat.example.com")]), "another scheme is another origin");
        assert!(!permits(&[("origin", "https://chat.example.com.evil.example")]));
        assert!(!permits(&[("origin", "null")]), "sandboxed frames and data: URLs");
    }

    #[test]
    fn allowed_origin_is_permitted() {
        assert!(permits(&[("sec-fetch-site", "same-site"), ("origin", "https://app.example.com")]));
        assert!(permits(&[("origin", "https://app.example.com")]));
    }
}
