//! What can go wrong with the database, told apart by what a caller can do about it.

use super::open::ACQUIRE_LIMIT;

#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// A row with this unique key is there already.
    #[error("a row with this key exists")]
    Duplicate,
    #[error("the database did not have a connection to give in {} s", ACQUIRE_LIMIT.as_secs())]
    Busy,
    #[error(transparent)]
    Failed(sqlx::Error),
}

impl From<sqlx::Error> for DbError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(cause) if cause.is_unique_violation() => Self::Duplicate,
            sqlx::Error::PoolTimedOut => Self::Busy,
            _ => Self::Failed(error),
        }
    }
}
