//! The API contract between the server, the web app and the tests.
//!
//! Types, routes and input validation are defined here once and compiled into both sides, so that a
//! field renamed on one side does not compile on the other. The crate depends on `serde` alone, because
//! the browser downloads all of it.

mod api_error;
mod dto;
pub mod routes;
mod secret;
pub mod validation;
pub mod visible_text;

pub use api_error::{ApiError, ErrorCode, FieldErrors};
pub use dto::{
    AssertionRequest, ChangePasswordRequest, ChatTokenRequest, ChatTokenResponse, ClientConfig,
    DeleteAccountRequest, LoginRequest, LoginResponse, RegisterRequest, SessionInfo, SessionsResponse,
    UpdateAccountRequest, UserResponse,
};
pub use secret::Secret;
