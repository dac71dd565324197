//! CometChat's error codes with their HTTP statuses and messages. Errors become responses here and
//! nowhere else. CometChat does not document all statuses; the others are the nearest HTTP status.
//! Clients should rely on the code.

use actix_web::{HttpResponse, ResponseError, http::StatusCode};
use serde_json::json;
use std::collections::BTreeMap;
use thiserror::Error;

/// The error messages of a request, by field.
pub type InvalidFields = BTreeMap<String, Vec<String>>;

/// An error response of the server API or the client API.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RestError {
    #[error("The API key is missing. Please send it in the apikey header.")]
    EmptyApiKey,
    #[error("The key {0} does not exist. Please use correct apiKey.")]
    UnknownApiKey(String),
    #[error(
        "The key {0} cannot be used to perform this operation. Please use API key with a correct scope to perform the operation."
    )]
    NoAccess(String),
    #[error("The app id is missing. Please send it in the appid header.")]
    EmptyAppId,
    #[error("The app id {0} does not exist in this region.")]
    InvalidAppId(String),
    #[error("The auth token is missing. Please make sure you are logged in.")]
    EmptyAuthToken,
    /// The auth token of a client is unknown or revoked. The SDK drops its session on this error.
    #[error(
        "The auth token {0} does not exist. Please make sure you are logged in and have a valid auth token or try login again."
    )]
    SessionTokenNotFound(String),
    /// The auth token that a server named is unknown.
    #[error("The auth token {0} does not exist.")]
    TokenNotFound(String),
    #[error("The uid {0} not found. Make sure you have created a user with uid {0}")]
    UidNotFound(String),
    #[error("The uid {0} already exists. Please use a different uid.")]
    UidAlreadyExists(String),
    #[error("The uid {0} is invalid. Only letters, digits, hyphens and underscores are allowed.")]
    InvalidUid(String),
    #[error("The role {0} not found.")]
    RoleNotFound(String),
    #[error("The guid {0} not found.")]
    GuidNotFound(String),
    #[error("The conversation with {0} is not accessible, or there is none.")]
    ConversationNotAccessible(String),
    #[error("The message id {0} not found.")]
    MessageIdNotFound(String),
    #[error("The text of the message is empty.")]
    EmptyMessageText,
    #[error("Failed to validate the data sent with the request.")]
    Invalid(InvalidFields),
    #[error("{0}")]
    Malformed(String),
    #[error("Too many requests. Please try again in {retry_after} seconds.")]
    TooManyRequests { retry_after: u64, reset: u64 },
    #[error("There is no such API: {0}")]
    ApiNotFound(String),
}

impl RestError {
    pub fn invalid(field: &str, message: impl Into<String>) -> Self {
        Self::Invalid(BTreeMap::from([(field.to_owned(), vec![message.into()])]))
    }

    pub const fn code(&self) -> &'static str {
        match self {
            Self::EmptyApiKey => "AUTH_ERR_EMPTY_APIKEY",
            Self::UnknownApiKey(_) => "AUTH_ERR_APIKEY_NOT_FOUND",
            Self::NoAccess(_) => "AUTH_ERR_NO_ACCESS",
            Self::EmptyAppId => "AUTH_ERR_EMPTY_APPID",
            Self::InvalidAppId(_) => "AUTH_ERR_INVALID_APPID",
            Self::EmptyAuthToken => "AUTH_ERR_EMPTY_AUTH_TOKEN",
            Self::SessionTokenNotFound(_) => "AUTH_ERR_AUTH_TOKEN_NOT_FOUND",
            Self::TokenNotFound(_) => "ERR_AUTH_TOKEN_NOT_FOUND",
            Self::UidNotFound(_) => "ERR_UID_NOT_FOUND",
            Self::UidAlreadyExists(_) => "ERR_UID_ALREADY_EXISTS",
            Self::InvalidUid(_) => "ERR_INVALID_UID",
            Self::RoleNotFound(_) => "ERR_ROLE_NOT_FOUND",
            Self::GuidNotFound(_) => "ERR_GUID_NOT_FOUND",
            Self::ConversationNotAccessible(_) => "ERR_CONVERSATION_NOT_ACCESSIBLE",
            Self::MessageIdNotFound(_) => "ERR_MESSAGE_ID_NOT_FOUND",
            Self::EmptyMessageText => "ERR_EMPTY_MESSAGE_TEXT",
            Self::Invalid(_) | Self::Malformed(_) => "ERR_BAD_REQUEST",
            Self::TooManyRequests { .. } => "ERR_TOO_MANY_REQUESTS",
            Self::ApiNotFound(_) => "ERR_API_NOT_FOUND",
        }
    }
}

impl ResponseError for RestError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::EmptyApiKey | Self::EmptyAuthToken | Self::SessionTokenNotFound(_) => {
                StatusCode::UNAUTHORIZED
            }
            Self::NoAccess(_) | Self::ConversationNotAccessible(_) => StatusCode::FORBIDDEN,
            Self::UnknownApiKey(_)
            | Self::InvalidAppId(_)
            | Self::TokenNotFound(_)
            | Self::UidNotFound(_)
            | Self::RoleNotFound(_)
            | Self::GuidNotFound(_)
            | Self::MessageIdNotFound(_)
            | Self::ApiNotFound(_) => StatusCode::NOT_FOUND,
            Self::TooManyRequests { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::EmptyAppId
            | Self::UidAlreadyExists(_)
            | Self::InvalidUid(_)
            | Self::EmptyMessageText
            | Self::Invalid(_)
            | Self::Malformed(_) => StatusCode::BAD_REQUEST,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let mut error = json!({ "code": self.code(), "message": self.to_string() });
        if let (Self::Invalid(fields), Some(error)) = (self, error.as_object_mut()) {
            error.insert("details".into(), json!(fields));
        }
        let mut response = HttpResponse::build(self.status_code());
        if let Self::TooManyRequests { retry_after, reset } = self {
            response.insert_header(("Retry-After", retry_after.to_string()));
            response.insert_header(("X-Rate-Limit-Reset", reset.to_string()));
        }
        response.json(json!({ "error": error }))
    }
}
