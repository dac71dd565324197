//! Cross-origin resource sharing (CORS): lets the pages of other origins call the API.

use super::request_context;
use crate::http::error::HttpError;
use actix_cors::{Cors, CorsError};
use actix_web::dev::ServiceResponse;
use actix_web::http::header::{self, HeaderValue};
use actix_web::middleware::Condition;

/// The methods of cross-origin requests.
const ALLOWED_METHODS: [&str; 5] = ["GET", "HEAD", "POST", "PUT", "DELETE"];
/// Bytes of a header in the log.
const MAX_LOGGED_BYTES: usize = 100;

/// Returns the middleware, which lets pages of the allowed origins call the API with cookies. It does nothing if no origin
/// is allowed.
pub fn middleware(allowed_origins: &[String]) -> Condition<Cors> {
    let cors = allowed_origins
        .iter()
        .fold(Cors::default(), |cors, origin| cors.allowed_origin(origin))
        .allowed_methods(ALLOWED_METHODS)
        .allowed_headers([header::CONTENT_TYPE])
        .expose_headers([request_context::ID_HEADER, "retry-after"])
        .supports_credentials()
        // The origin check has rejected requests and preflights of other origins.
        .block_on_origin_mismatch(false)
        .max_age(600);
    Condition::new(!allowed_origins.is_empty(), cors)
}

/// Returns the error of a preflight that the middleware rejected. Its own response is not JSON.
pub fn rejection<B>(response: &ServiceResponse<B>) -> Option<HttpError> {
    let error = response.response().error()?.as_error::<CorsError>()?;
    let headers = response.request().headers();
    let text = |name| loggable(headers.get(name));
    let origin = text(header::ORIGIN);
    let reason = match error {
        CorsError::MethodNotAllowed | CorsError::BadRequestMethod => format!(
            "the method {} is not one of {}",
            text(header::ACCESS_CONTROL_REQUEST_METHOD),
            ALLOWED_METHODS.join(", ")
        ),
        CorsError::HeadersNotAllowed | CorsError::BadRequestHeaders => format!(
            "of the headers {}, only Content-Type is allowed",
            text(header::ACCESS_CONTROL_REQUEST_HEADERS)
        ),
        _ => return Some(HttpError::ForbiddenOrigin { origin }),
    };
    Some(HttpError::PreflightRejected { origin, reason })
}

/// Returns the value of a header for the log: shortened, and without characters that could forge lines.
pub fn loggable(value: Option<&HeaderValue>) -> String {
    let bytes = value.map(HeaderValue::as_bytes).unwrap_or_default();
    let bytes = bytes.get(..MAX_LOGGED_BYTES).unwrap_or(bytes);
    String::from_utf8_lossy(bytes).escape_debug().to_string()
}
