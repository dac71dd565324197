//! Errors as responses: maps every error to a status, a code and a message.
//!
//! Users get a message that says what to do, programs a stable code, and the log the cause. The body of a 500
//! never contains its cause.

use crate::auth::AccountError;
use crate::auth::assertion::{AssertionError, Rejection};
use crate::cometchat::MintError;
use crate::db::DbError;
use crate::passwords::HashError;
use actix_web::error::JsonPayloadError;
use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use shared::{ApiError, ErrorCode, FieldErrors};
use std::error::Error as StdError;
use std::time::Duration;

/// The `Retry-After` of temporary errors whose end is unknown.
const RETRY_DELAY: Duration = Duration::from_secs(2);

/// The reason why a request failed.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The body does not have the schema of the route; contains the message for the user.
    #[error("{0}")]
    InvalidRequest(String),
    #[error("fields are invalid")]
    Validation(FieldErrors),
    #[error("wrong credentials")]
    InvalidCredentials,
    #[error("not signed in")]
    NotSignedIn,
    /// The cause is for the log only.
    #[error("assertion rejected: {0}")]
    InvalidAssertion(Rejection),
    /// An assertion has the email address of the user `owner`. The ids are for the log only.
    #[error("the email address of the user {user} is that of the user {owner}")]
    AssertionEmailTaken { user: String, owner: String },
    #[error("the email address is taken")]
    EmailTaken,
    #[error("the origin {origin} is not allowed")]
    ForbiddenOrigin { origin: String },
    /// A login from a page of another site, whose browser would drop the session cookie.
    #[error("the origin {origin} is of another site")]
    CrossSite { origin: String },
    /// The preflight of an allowed origin asks for a method or a header that cross-origin requests may not have.
    #[error("preflight rejected: {reason}")]
    PreflightRejected { origin: String, reason: String },
    #[error("registration is closed")]
    RegistrationClosed,
    /// `ASSERTION_KEY` is not set.
    #[error("login by assertion is disabled")]
    AssertionsDisabled,
    #[error("no such route")]
    NotFound,
    #[error("method not allowed")]
    MethodNotAllowed { allow: String },
    #[error("the body is too large")]
    PayloadTooLarge,
    #[error("the content type is not JSON")]
    UnsupportedMediaType,
    #[error("too many attempts")]
    TooManyAttempts { retry_after: Duration },
    #[error("CometChat is unavailable")]
    ChatUnavailable { retry_after: Duration },
    #[error("the user is deactivated at CometChat")]
    ChatDisabled,
    #[error("the earlier user {0} is still being deleted at CometChat")]
    BeingDeleted(String),
    #[error("overloaded: {0}")]
    Overloaded(&'static str),
    /// The database is unavailable; contains the cause.
    #[error("{0}")]
    Unavailable(String),
    #[error("the server is shutting down")]
    ShuttingDown,
    #[error("{0}")]
    Internal(Box<dyn StdError + Send + Sync>),
}

impl HttpError {
    pub fn internal(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::Internal(cause.into())
    }

    /// Returns a validation error for one field.
    pub fn of_field(name: &str, reason: &impl ToString) -> Self {
        Self::Validation(FieldErrors::from([(name.to_owned(), reason.to_string())]))
    }

    fn code(&self) -> ErrorCode {
        match self {
            Self::InvalidRequest(_) => ErrorCode::InvalidRequest,
            Self::Validation(_) => ErrorCode::ValidationFailed,
            Self::InvalidCredentials => ErrorCode::InvalidCredentials,
            Self::NotSignedIn => ErrorCode::NotSignedIn,
            Self::InvalidAssertion(_) => ErrorCode::InvalidAssertion,
            Self::EmailTaken | Self::AssertionEmailTaken { .. } => ErrorCode::EmailTaken,
            Self::CrossSite { .. } => ErrorCode::CrossSite,
            Self::PreflightRejected { .. } => ErrorCode::InvalidRequest,
            Self::ForbiddenOrigin { .. } => ErrorCode::ForbiddenOrigin,
            Self::RegistrationClosed => ErrorCode::RegistrationClosed,
            Self::AssertionsDisabled => ErrorCode::AssertionsDisabled,
            Self::NotFound => ErrorCode::NotFound,
            Self::MethodNotAllowed { .. } => ErrorCode::MethodNotAllowed,
            Self::PayloadTooLarge => ErrorCode::PayloadTooLarge,
            Self::UnsupportedMediaType => ErrorCode::UnsupportedMediaType,
            Self::TooManyAttempts { .. } => ErrorCode::TooManyAttempts,
            Self::ChatUnavailable { .. } => ErrorCode::ChatUnavailable,
            Self::ChatDisabled => ErrorCode::ChatDisabled,
            Self::Overloaded(_) => ErrorCode::Overloaded,
            Self::BeingDeleted(_) | Self::Unavailable(_) | Self::ShuttingDown => ErrorCode::Unavailable,
            Self::Internal(_) => ErrorCode::Internal,
        }
    }

    /// Returns a typical error with this code, for the API description.
    pub fn example(code: ErrorCode) -> Self {
        let retry_after = Duration::from_secs(42);
        match code {
            ErrorCode::InvalidRequest => Self::InvalidRequest(
                "A field is missing, unknown or of the wrong type, near line 1, column 27.".into(),
            ),
            ErrorCode::ValidationFailed => Self::Validation(FieldErrors::new()),
            ErrorCode::InvalidCredentials => Self::InvalidCredentials,
            ErrorCode::NotSignedIn => Self::NotSignedIn,
            ErrorCode::InvalidAssertion => Self::InvalidAssertion(Rejection::Used),
            ErrorCode::EmailTaken => Self::EmailTaken,
            ErrorCode::CrossSite => Self::CrossSite { origin: String::new() },
            ErrorCode::ForbiddenOrigin => Self::ForbiddenOrigin { origin: String::new() },
            ErrorCode::RegistrationClosed => Self::RegistrationClosed,
            ErrorCode::AssertionsDisabled => Self::AssertionsDisabled,
            ErrorCode::NotFound => Self::NotFound,
            ErrorCode::MethodNotAllowed => Self::MethodNotAllowed { allow: String::new() },
            ErrorCode::PayloadTooLarge => Self::PayloadTooLarge,
            ErrorCode::UnsupportedMediaType => Self::UnsupportedMediaType,
            ErrorCode::TooManyAttempts => Self::TooManyAttempts { retry_after },
            ErrorCode::ChatUnavailable => Self::ChatUnavailable { retry_after },
            ErrorCode::ChatDisabled => Self::ChatDisabled,
            ErrorCode::Overloaded => Self::Overloaded(""),
            ErrorCode::Unavailable => Self::Unavailable(String::new()),
            ErrorCode::Internal => Self::internal(""),
        }
    }

    /// Returns the message for users.
    pub fn message(&self) -> String {
        let message = match self {
            Self::InvalidRequest(message) => return message.clone(),
            Self::TooManyAttempts { .. } => {
                let seconds = self.retry_after_seconds().unwrap_or(1);
                return format!("Too many attempts. Try again in {}.", format_wait(seconds));
            }
            Self::Validation(_) => "Some fields are invalid.",
            Self::InvalidCredentials => "Your email or password is wrong!",
            Self::NotSignedIn => "You are not signed in. Sign in and try again.",
            Self::InvalidAssertion(_) => {
                "This sign-in link is invalid or has expired. Go back to the app and try again."
            }
            Self::AssertionEmailTaken { .. } => {
                "Another account of this chat has your email address. Contact your administrator."
            }
            Self::EmailTaken => "An account with this email address already exists. Sign in instead.",
            Self::CrossSite { .. } => {
                "This page is of another site than the server, so your browser would drop the session cookie. The \
                 operator can serve both under one domain, such as app.example.com and chat.example.com."
            }
            Self::PreflightRejected { .. } => {
                "Pages of other origins may use the methods GET, HEAD, POST, PUT and DELETE, and no header but Content-Type."
            }
            Self::ForbiddenOrigin { .. } => {
                "Pages of this origin may not use the API. The operator can add it to ALLOWED_ORIGINS."
            }
            Self::RegistrationClosed => "Registration is closed. Contact your administrator.",
            Self::AssertionsDisabled => {
                "This server is not set up for sign-ins from another app. Contact your administrator."
            }
            Self::NotFound => "Nothing was found at this address.",
            Self::MethodNotAllowed { .. } => "This address does not support the request method.",
            Self::PayloadTooLarge => "The request is too large.",
            Self::UnsupportedMediaType => "Send the request as JSON, with Content-Type: application/json.",
            Self::ChatUnavailable { .. } => "Chat is temporarily unavailable. Try again in a moment.",
            Self::ChatDisabled => "Chat is switched off for your account. Contact your administrator.",
            Self::BeingDeleted(_) => {
                "An earlier account with this id is still being deleted. Try again in a moment."
            }
            Self::Overloaded(_) => "The server is overloaded. Try again in a moment.",
            Self::Unavailable(_) => "The service is temporarily unavailable. Try again in a moment.",
            Self::ShuttingDown => "The server is shutting down. Try again in a moment.",
            Self::Internal(_) => {
                "Something went wrong. Try again. If the problem persists, contact support with this request ID."
            }
        };
        message.into()
    }

    /// Returns the seconds until another attempt can succeed, rounded up and at least 1, so that clients do not
    /// retry too early.
    pub fn retry_after_seconds(&self) -> Option<u64> {
        let wait = match self {
            Self::TooManyAttempts { retry_after } | Self::ChatUnavailable { retry_after } => *retry_after,
            Self::BeingDeleted(_) | Self::Overloaded(_) | Self::Unavailable(_) | Self::ShuttingDown => {
                RETRY_DELAY
            }
            _ => return None,
        };
        Some(wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)).max(1))
    }

    /// Returns the response with an [`ApiError`] as its body.
    pub fn to_response(&self, request_id: &str) -> HttpResponse {
        let retry_after_seconds = self.retry_after_seconds();
        let mut response = HttpResponse::build(self.status_code());
        if let Some(seconds) = retry_after_seconds {
            response.insert_header((header::RETRY_AFTER, seconds));
        }
        if let Self::MethodNotAllowed { allow } = self {
            response.insert_header((header::ALLOW, allow.as_str()));
        }
        response.json(ApiError {
            code: self.code(),
            message: self.message(),
            request_id: request_id.into(),
            retry_after_seconds,
            fields: match self {
                Self::Validation(fields) => Some(fields.clone()),
                _ => None,
            },
        })
    }
}

/// The response has no body: the middleware `request_context` adds it, because it needs the request id.
impl ResponseError for HttpError {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.code().status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        HttpResponse::new(self.status_code())
    }
}

fn format_wait(seconds: u64) -> String {
    match seconds {
        1 => "1 second".into(),
        2..=90 => format!("{seconds} seconds"),
        _ => format!("{} minutes", seconds.div_ceil(60)),
    }
}

/// Converts an error of the JSON extractor. The message leaves out the parser's own, which quotes the input,
/// and that may be a password.
pub fn bad_json(error: JsonPayloadError, _: &HttpRequest) -> actix_web::Error {
    let error = match error {
        JsonPayloadError::ContentType => HttpError::UnsupportedMediaType,
        JsonPayloadError::OverflowKnownLength { .. } | JsonPayloadError::Overflow { .. } => {
            HttpError::PayloadTooLarge
        }
        JsonPayloadError::Deserialize(error) => {
            let position = format!("line {}, column {}", error.line(), error.column());
            HttpError::InvalidRequest(if error.is_data() {
                format!("A field is missing, unknown or of the wrong type, near {position}.")
            } else {
                format!("The request is not valid JSON: it fails to parse at {position}.")
            })
        }
        _ => HttpError::InvalidRequest("The request ended before its body was complete.".into()),
    };
    error.into()
}

impl From<DbError> for HttpError {
    fn from(error: DbError) -> Self {
        match error {
            DbError::Unavailable(cause) => Self::Unavailable(cause),
            error => Self::internal(error),
        }
    }
}

impl From<AccountError> for HttpError {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::WrongCredentials => Self::InvalidCredentials,
            AccountError::TooManyAttempts { retry_after } => Self::TooManyAttempts { retry_after },
            AccountError::EmailTaken => Self::EmailTaken,
            AccountError::WeakPassword(violation) => Self::of_field("password", &violation),
            AccountError::BeingDeleted(uid) => Self::BeingDeleted(uid),
            AccountError::UserDeleted => Self::NotSignedIn,
            AccountError::Hash(HashError::Overloaded) => Self::Overloaded("the password hash queue is full"),
            AccountError::Hash(error) => Self::internal(error),
            AccountError::Db(error) => error.into(),
            AccountError::TaskFailed(error) => error.into(),
        }
    }
}

impl From<AssertionError> for HttpError {
    fn from(error: AssertionError) -> Self {
        match error {
            AssertionError::Invalid(cause) => Self::InvalidAssertion(cause),
            AssertionError::EmailTaken { user, owner } => Self::AssertionEmailTaken { user, owner },
            AssertionError::Account(error) => error.into(),
        }
    }
}

impl From<MintError> for HttpError {
    fn from(error: MintError) -> Self {
        match error {
            MintError::Unavailable { retry_after } => Self::ChatUnavailable { retry_after },
            MintError::UserDeactivated => Self::ChatDisabled,
            MintError::TooMany { retry_after } => Self::TooManyAttempts { retry_after },
            MintError::Db(error) => error.into(),
            MintError::Seal(error) => Self::internal(error),
        }
    }
}

/// The task panicked, or the server shut down before it ended.
impl From<tokio::task::JoinError> for HttpError {
    fn from(error: tokio::task::JoinError) -> Self {
        Self::internal(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_rounded_up_in_message() {
        let message =
            |millis| HttpError::TooManyAttempts { retry_after: Duration::from_millis(millis) }.message();
        assert_eq!(message(0), "Too many attempts. Try again in 1 second.");
        assert_eq!(message(1_001), "Too many attempts. Try again in 2 seconds.");
        assert_eq!(message(90_000), "Too many attempts. Try again in 90 seconds.");
        assert_eq!(message(91_000), "Too many attempts. Try again in 2 minutes.");
    }

    #[test]
    fn internal_error_cause_is_not_in_message() {
        let error = HttpError::internal("the disk on /dev/sdb is full");
        assert!(!error.message().contains("disk"));
        assert!(error.to_string().contains("disk"), "the log has it");
    }
}
