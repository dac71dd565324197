//! Extracts [`ClientInfo`], the use cases' view of a request's client.

use crate::auth::login::ClientInfo;
use crate::http::error::HttpError;
use crate::http::middleware::request_context::RequestInfo;
use crate::http::state::HttpState;
use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, web};
use std::future::{Ready, ready};

impl FromRequest for ClientInfo {
    type Error = HttpError;
    type Future = Ready<Result<Self, HttpError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let http_state = request.app_data::<web::Data<HttpState>>();
        ready(Ok(Self {
            address: RequestInfo::of(request).address,
            user_agent: user_agent(request),
            device_cookie: http_state.and_then(|state| state.cookies.device_of(request)),
            current_session: http_state.and_then(|state| state.cookies.token_of(request)),
        }))
    }
}

/// Returns the `User-Agent` header without hidden characters, which PostgreSQL or a terminal would not accept
/// or show as they are.
fn user_agent(request: &HttpRequest) -> String {
    let header = request.headers().get(header::USER_AGENT);
    let text = header.map(|value| String::from_utf8_lossy(value.as_bytes())).unwrap_or_default();
    shared::visible_text::without_hidden(&text)
}
