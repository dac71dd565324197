//! What every request passes before its route.

pub mod origin;
pub mod request_context;
pub mod security_headers;
