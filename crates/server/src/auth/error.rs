use crate::db::DbError;
use crate::passwords::{HashError, PolicyViolation};
use crate::users::UserError;
use std::time::Duration;
use tokio::task::JoinError;

/// The error of a use case.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// The email or the password is wrong, the account is locked, or it has no password. The response does not tell
    /// these causes apart.
    #[error("the credentials are wrong")]
    WrongCredentials,
    #[error("too many attempts")]
    TooManyAttempts { retry_after: Duration },
    #[error("another user has this email address")]
    EmailTaken,
    #[error("the new password is too weak: {0}")]
    WeakPassword(#[from] PolicyViolation),
    /// CometChat still has the messages of an earlier user with this id.
    #[error("the deletion of an earlier user {0} is still due at CometChat")]
    BeingDeleted(String),
    /// The session ended or its user was deleted while the request was running.
    #[error("the account was deleted")]
    UserDeleted,
    #[error(transparent)]
    Hash(#[from] HashError),
    #[error(transparent)]
    Db(#[from] DbError),
    #[error("the task failed: {0}")]
    TaskFailed(JoinError),
}

impl From<UserError> for AccountError {
    fn from(error: UserError) -> Self {
        match error {
            UserError::EmailTaken => Self::EmailTaken,
            UserError::BeingDeleted(uid) => Self::BeingDeleted(uid),
            UserError::Db(error) => Self::Db(error),
        }
    }
}
