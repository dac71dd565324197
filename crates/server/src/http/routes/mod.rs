//! Routes: each handler reads the request, calls a use case and writes the response.

pub(super) mod account;
pub(super) mod config;
pub(super) mod health;
pub(super) mod login;
pub mod openapi;
pub(super) mod session;

use super::cookie::CookiePolicy;
use super::error::HttpError;
use super::middleware::security_headers::HeaderPolicy;
use actix_web::HttpResponse;
use shared::FieldErrors;

/// The tags that group the operations in the API description.
mod tag {
    pub const SESSIONS: &str = "Sessions";
    pub const ACCOUNT: &str = "Account";
    pub const CONFIGURATION: &str = "Configuration";
}

/// Fails with `validation_failed` if there is an error for any field.
fn reject_invalid(errors: FieldErrors) -> Result<(), HttpError> {
    if errors.is_empty() { Ok(()) } else { Err(HttpError::Validation(errors)) }
}

/// Returns the response after which the browser has neither the session cookie nor stored data.
fn logout_response(cookies: &CookiePolicy, headers: &HeaderPolicy) -> HttpResponse {
    let mut response = HttpResponse::NoContent();
    headers.clear_storage(&mut response);
    response.cookie(cookies.expired_session_cookie()).finish()
}
