//! Middleware: request context, log of rejections, CORS, origin check and security headers.

pub mod cors;
pub mod origin;
pub mod rejection_log;
pub mod request_context;
pub mod security_headers;
