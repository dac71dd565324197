//! Cross-origin resource sharing (CORS): lets the pages of other origins call the API.

use super::origin::OriginPolicy;
use super::request_context;
use actix_cors::Cors;
use actix_web::http::header;
use actix_web::middleware::Condition;

/// Returns the middleware, which lets pages of the allowed origins call the API with cookies. It does nothing if no origin
/// is allowed.
pub fn middleware(origins: &OriginPolicy) -> Condition<Cors> {
    let cors = origins
        .allowed
        .iter()
        .fold(Cors::default(), |cors, origin| cors.allowed_origin(origin))
        .allowed_methods(["GET", "HEAD", "POST", "PUT", "DELETE"])
        .allowed_headers([header::CONTENT_TYPE])
        .expose_headers([request_context::ID_HEADER, "retry-after"])
        .supports_credentials()
        // The origin check rejects the request, with an `ApiError` as its body.
        .block_on_origin_mismatch(false)
        .max_age(600);
    Condition::new(!origins.allowed.is_empty(), cors)
}
