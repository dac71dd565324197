//! The one shape of every failure of the API.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What is wrong with each field of a request: its name as on the wire, and a sentence for a person.
pub type Fields = BTreeMap<String, String>;

/// The body of every answer that is not a success.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ApiError {
    /// For programs: stable.
    pub code: ErrorCode,
    /// For people: says what to do. May be reworded at any time.
    pub message: String,
    /// The same id is in the server's log, next to the cause.
    pub request_id: String,
    /// After how many seconds it is worth trying again; also in the `Retry-After` header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_seconds: Option<u64>,
    /// With `validation_failed`: what is wrong with which field.
    #[cfg_attr(feature = "openapi", schema(inline))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fields: Option<Fields>,
}

/// What went wrong, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    InvalidRequest,
    InvalidCredentials,
    NotSignedIn,
    ForbiddenOrigin,
    RegistrationClosed,
    NotFound,
    MethodNotAllowed,
    EmailTaken,
    InvalidHandover,
    PayloadTooLarge,
    UnsupportedMediaType,
    ValidationFailed,
    TooManyAttempts,
    Internal,
    ChatUnavailable,
    Overloaded,
    Unavailable,
}

impl ErrorCode {
    /// The HTTP status that this code is answered with.
    pub const fn status(self) -> u16 {
        match self {
            Self::InvalidRequest => 400,
            Self::InvalidCredentials | Self::InvalidHandover | Self::NotSignedIn => 401,
            Self::ForbiddenOrigin | Self::RegistrationClosed => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::EmailTaken => 409,
            Self::PayloadTooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::ValidationFailed => 422,
            Self::TooManyAttempts => 429,
            Self::Internal => 500,
            Self::ChatUnavailable | Self::Overloaded | Self::Unavailable => 503,
        }
    }
}
