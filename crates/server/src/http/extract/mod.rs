//! Extractors: the arguments of handlers.

pub mod admission;
pub mod client_info;
pub mod current_session;
pub mod json_object;
pub mod same_site;
