//! Middleware: request context, CORS, origin check and security headers.

pub mod cors;
pub mod origin;
pub mod request_context;
pub mod security_headers;
