use crate::db::DbError;
use crate::passwords::{HashError, PolicyViolation};
use std::time::Duration;
use tokio::task::JoinError;

/// Why something about an account could not be done.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// Wrong, unknown, locked or without a password: nobody outside learns which.
    #[error("the credentials are wrong")]
    WrongCredentials,
    #[error("too many attempts")]
    TooManyAttempts { retry_after: Duration },
    #[error("somebody has this address already")]
    EmailTaken,
    #[error("the new password may not be chosen: {0}")]
    WeakPassword(#[from] PolicyViolation),
    /// A user of this id was deleted, and CometChat does not know it yet: another one would read their messages.
    #[error("the deletion of an earlier user {0} is still due at CometChat")]
    BeingDeleted(String),
    /// The session has ended, or its user was deleted, while the request was under way.
    #[error("the account is gone")]
    UserDeleted,
    #[error(transparent)]
    Hash(#[from] HashError),
    #[error(transparent)]
    Db(#[from] DbError),
    #[error("the work was cut short: {0}")]
    TaskFailed(JoinError),
}
