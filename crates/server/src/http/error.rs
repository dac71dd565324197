//! Failures as answers: the one place where an error becomes a status, a code and a sentence.
//!
//! A person gets a sentence that says what to do, a program a stable code, and the log the cause. What
//! caused a 500 is never in its body.

use crate::auth::AccountError;
use crate::auth::assertion::AssertionError;
use crate::cometchat::MintError;
use crate::db::DbError;
use crate::passwords::HashError;
use actix_web::error::JsonPayloadError;
use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use shared::{ApiError, ErrorCode, FieldErrors};
use std::error::Error as StdError;
use std::time::Duration;

/// Seconds after which an overloaded server is worth another try.
const OVERLOADED_RETRY: Duration = Duration::from_secs(2);

#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The body is not what the route takes; says in what way.
    #[error("{0}")]
    InvalidRequest(String),
    #[error("fields are not valid")]
    Validation(FieldErrors),
    #[error("wrong credentials")]
    InvalidCredentials,
    #[error("not signed in")]
    NotSignedIn,
    /// Says why, for the log alone.
    #[error("the assertion is not believed: {0}")]
    InvalidAssertion(&'static str),
    #[error("the address is taken")]
    EmailTaken,
    #[error("a page of another origin may not do this")]
    ForbiddenOrigin,
    #[error("nobody can register here")]
    RegistrationClosed,
    #[error("no such route")]
    NotFound,
    #[error("no such method here")]
    MethodNotAllowed { allow: String },
    #[error("the body is too large")]
    PayloadTooLarge,
    #[error("the body is not declared as JSON")]
    UnsupportedMediaType,
    #[error("too many attempts")]
    TooManyAttempts { retry_after: Duration },
    #[error("CometChat is not available")]
    ChatUnavailable { retry_after: Duration },
    #[error("the deletion of an earlier user {0} is still due at CometChat")]
    BeingDeleted(String),
    #[error("overloaded: {0}")]
    Overloaded(&'static str),
    /// The database cannot be used now; says why.
    #[error("{0}")]
    Unavailable(String),
    #[error("the server is stopping")]
    ShuttingDown,
    #[error("{0}")]
    Internal(Box<dyn StdError + Send + Sync>),
}

impl HttpError {
    pub fn internal(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::Internal(cause.into())
    }

    /// One field is not valid, for this reason.
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
            Self::EmailTaken => ErrorCode::EmailTaken,
            Self::ForbiddenOrigin => ErrorCode::ForbiddenOrigin,
            Self::RegistrationClosed => ErrorCode::RegistrationClosed,
            Self::NotFound => ErrorCode::NotFound,
            Self::MethodNotAllowed { .. } => ErrorCode::MethodNotAllowed,
            Self::PayloadTooLarge => ErrorCode::PayloadTooLarge,
            Self::UnsupportedMediaType => ErrorCode::UnsupportedMediaType,
            Self::TooManyAttempts { .. } => ErrorCode::TooManyAttempts,
            Self::ChatUnavailable { .. } => ErrorCode::ChatUnavailable,
            Self::Overloaded(_) => ErrorCode::Overloaded,
            Self::BeingDeleted(_) | Self::Unavailable(_) | Self::ShuttingDown => ErrorCode::Unavailable,
            Self::Internal(_) => ErrorCode::Internal,
        }
    }

    /// A failure with this code, as it may well be.
    pub fn example(code: ErrorCode) -> Self {
        let retry_after = Duration::from_secs(42);
        match code {
            ErrorCode::InvalidRequest => Self::InvalidRequest(
                "A field is missing, unknown or of the wrong type, near line 1, column 27.".into(),
            ),
            ErrorCode::ValidationFailed => Self::Validation(FieldErrors::new()),
            ErrorCode::InvalidCredentials => Self::InvalidCredentials,
            ErrorCode::NotSignedIn => Self::NotSignedIn,
            ErrorCode::InvalidAssertion => Self::InvalidAssertion(""),
            ErrorCode::EmailTaken => Self::EmailTaken,
            ErrorCode::ForbiddenOrigin => Self::ForbiddenOrigin,
            ErrorCode::RegistrationClosed => Self::RegistrationClosed,
            ErrorCode::NotFound => Self::NotFound,
            ErrorCode::MethodNotAllowed => Self::MethodNotAllowed { allow: String::new() },
            ErrorCode::PayloadTooLarge => Self::PayloadTooLarge,
            ErrorCode::UnsupportedMediaType => Self::UnsupportedMediaType,
            ErrorCode::TooManyAttempts => Self::TooManyAttempts { retry_after },
            ErrorCode::ChatUnavailable => Self::ChatUnavailable { retry_after },
            ErrorCode::Overloaded => Self::Overloaded(""),
            ErrorCode::Unavailable => Self::Unavailable(String::new()),
            ErrorCode::Internal => Self::internal(""),
        }
    }

    /// What a person is told.
    pub fn message(&self) -> String {
        let words = match self {
            Self::InvalidRequest(words) => return words.clone(),
            Self::TooManyAttempts { .. } => {
                let seconds = self.retry_after_seconds().unwrap_or(1);
                return format!("Too many attempts. Try again in {}.", format_wait(seconds));
            }
            Self::Validation(_) => "Some fields need your attention.",
            Self::InvalidCredentials => "Your email or password is wrong!",
            Self::NotSignedIn => "You are not signed in. Sign in and try again.",
            Self::InvalidAssertion(_) => {
                "This sign-in is not good any more. Go back to where you came from and try again."
            }
            Self::EmailTaken => "There is an account with this email address already. Sign in instead.",
            Self::ForbiddenOrigin => {
                "Pages of this origin may not use this API. Its operator can allow them in ALLOWED_ORIGINS."
            }
            Self::RegistrationClosed => "Accounts are not made here. Ask whoever runs this chat for one.",
            Self::NotFound => "There is nothing here. Check the address.",
            Self::MethodNotAllowed { .. } => "This address does not take this method.",
            Self::PayloadTooLarge => "The request is too large.",
            Self::UnsupportedMediaType => "Send the request as JSON, with Content-Type: application/json.",
            Self::ChatUnavailable { .. } => "Chat cannot be reached right now. Try again in a moment.",
            Self::BeingDeleted(_) => "An account of this id is still being deleted. Try again in a moment.",
            Self::Overloaded(_) => "The server is very busy. Try again in a moment.",
            Self::Unavailable(_) => "The server cannot get at its data right now. Try again in a moment.",
            Self::ShuttingDown => "The server is being stopped. Try again in a moment.",
            Self::Internal(_) => {
                "Something went wrong on our side. Try again; if it stays, tell us the request id."
            }
        };
        words.into()
    }

    /// Whole seconds, and never none: a client that comes back too soon only fails again.
    pub fn retry_after_seconds(&self) -> Option<u64> {
        let wait = match self {
            Self::TooManyAttempts { retry_after } | Self::ChatUnavailable { retry_after } => *retry_after,
            Self::BeingDeleted(_) | Self::Overloaded(_) | Self::Unavailable(_) | Self::ShuttingDown => {
                OVERLOADED_RETRY
            }
            _ => return None,
        };
        Some(wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)).max(1))
    }

    /// The answer, in the one shape that every failure of the API has.
    pub fn to_response(&self, request_id: &str) -> HttpResponse {
        let retry_after_seconds = self.retry_after_seconds();
        let mut answer = HttpResponse::build(self.status_code());
        if let Some(seconds) = retry_after_seconds {
            answer.insert_header((header::RETRY_AFTER, seconds));
        }
        if let Self::MethodNotAllowed { allow } = self {
            answer.insert_header((header::ALLOW, allow.as_str()));
        }
        answer.json(ApiError {
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

/// `answer` needs the request's id, which only the middleware has; it puts the body in.
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
        1 => "a second".into(),
        2..=90 => format!("{seconds} seconds"),
        _ => format!("{} minutes", seconds.div_ceil(60)),
    }
}

/// A body that is not the JSON its route takes. Never with the parser's own words, which quote what was
/// sent, and that may be a password.
pub fn bad_json(error: JsonPayloadError, _: &HttpRequest) -> actix_web::Error {
    let failure = match error {
        JsonPayloadError::ContentType => HttpError::UnsupportedMediaType,
        JsonPayloadError::OverflowKnownLength { .. } | JsonPayloadError::Overflow { .. } => {
            HttpError::PayloadTooLarge
        }
        JsonPayloadError::Deserialize(error) => {
            let place = format!("line {}, column {}", error.line(), error.column());
            HttpError::InvalidRequest(if error.is_data() {
                format!("A field is missing, unknown or of the wrong type, near {place}.")
            } else {
                format!("The request is not JSON; reading ended at {place}.")
            })
        }
        _ => HttpError::InvalidRequest("The request ended before its body did.".into()),
    };
    failure.into()
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
            AccountError::WeakPassword(weakness) => Self::of_field("password", &weakness),
            AccountError::BeingDeleted(uid) => Self::BeingDeleted(uid),
            AccountError::UserDeleted => Self::NotSignedIn,
            AccountError::Hash(HashError::Overloaded) => Self::Overloaded("the hashing queue is full"),
            AccountError::Hash(error) => Self::internal(error),
            AccountError::Db(error) => error.into(),
            AccountError::TaskFailed(error) => error.into(),
        }
    }
}

impl From<AssertionError> for HttpError {
    fn from(error: AssertionError) -> Self {
        match error {
            AssertionError::Invalid(why) => Self::InvalidAssertion(why),
            AssertionError::Account(error) => error.into(),
        }
    }
}

impl From<MintError> for HttpError {
    fn from(error: MintError) -> Self {
        match error {
            MintError::Unavailable { retry_after } => Self::ChatUnavailable { retry_after },
            MintError::TooMany { retry_after } => Self::TooManyAttempts { retry_after },
            MintError::Db(error) => error.into(),
            MintError::Seal(error) => Self::internal(error),
        }
    }
}

/// Work that panicked or was cut short by the server's end.
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
        assert_eq!(message(0), "Too many attempts. Try again in a second.");
        assert_eq!(message(1_001), "Too many attempts. Try again in 2 seconds.");
        assert_eq!(message(90_000), "Too many attempts. Try again in 90 seconds.");
        assert_eq!(message(91_000), "Too many attempts. Try again in 2 minutes.");
    }

    #[test]
    fn internal_error_cause_is_not_in_message() {
        let failure = HttpError::internal("the disk on /dev/sdb is full");
        assert!(!failure.message().contains("disk"));
        assert!(failure.to_string().contains("disk"), "but in the log");
    }
}
