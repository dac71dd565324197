//! The routes: each reads the request, calls a use case and writes the response.

pub(super) mod account;
pub(super) mod health;
pub(super) mod login;
pub mod openapi;
pub(super) mod session;
