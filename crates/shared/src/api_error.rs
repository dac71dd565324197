//! The body of every error response.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Validation errors by field: the name in JSON, and a sentence for the user.
pub type FieldErrors = BTreeMap<String, String>;

/// The body of every error response.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ApiError {
    /// Stable, for programs.
    pub code: ErrorCode,
    /// Says what to do, for users. The text may change.
    pub message: String,
    /// The server logs the cause with the same id.
    pub request_id: String,
    /// Seconds until another attempt is allowed; also in the `Retry-After` header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_seconds: Option<u64>,
    /// The errors by field, with `validation_failed`.
    #[cfg_attr(feature = "openapi", schema(inline))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fields: Option<FieldErrors>,
}

/// The kind of an error, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    InvalidRequest,
    InvalidCredentials,
    NotSignedIn,
    ForbiddenOrigin,
    /// The page is of another site than the server, so the browser would drop the session cookie.
    CrossSite,
    RegistrationClosed,
    /// The server has no key for assertions.
    AssertionsDisabled,
    NotFound,
    MethodNotAllowed,
    EmailTaken,
    InvalidAssertion,
    PayloadTooLarge,
    UnsupportedMediaType,
    ValidationFailed,
    TooManyAttempts,
    Internal,
    ChatUnavailable,
    /// An operator has deactivated the user at CometChat: another attempt has the same result.
    ChatDisabled,
    Overloaded,
    Unavailable,
}

impl ErrorCode {
    /// Returns the HTTP status of a response with this code.
    pub const fn status(self) -> u16 {
        match self {
            Self::InvalidRequest => 400,
            Self::InvalidCredentials | Self::InvalidAssertion | Self::NotSignedIn => 401,
            Self::ForbiddenOrigin
            | Self::CrossSite
            | Self::RegistrationClosed
            | Self::AssertionsDisabled
            | Self::ChatDisabled => 403,
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
