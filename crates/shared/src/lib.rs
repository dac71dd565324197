//! The wire contract: what the server answers, the page reads and the tests expect.
//!
//! Types, routes and input limits are written here once and compiled into both sides, so that a
//! field renamed on one side does not compile on the other. Only `serde` and `std`, because the
//! browser carries every byte of it; nothing here knows of HTTP libraries, databases or CometChat's API.

mod api_error;
mod dto;
pub mod limits;
pub mod routes;
mod secret;
pub mod visible_text;

pub use api_error::{ApiError, ErrorCode, Fields};
pub use dto::{
    ChatTokenRequest, ChatTokenResponse, ClientConfig, DeleteAccountRequest, HandoverRequest, LoginRequest,
    LoginResponse, PasswordRequest, RegisterRequest, RenameRequest, SessionInfo, SessionResponse,
    SessionsResponse,
};
pub use secret::Secret;
