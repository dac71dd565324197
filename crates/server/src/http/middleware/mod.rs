//! Middleware: request context, origin check and security headers.

pub mod origin;
pub mod request_context;
pub mod security_headers;
