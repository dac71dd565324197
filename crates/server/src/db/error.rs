//! Database errors, by what a caller can do about them.

use std::time::Duration;

#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// A row with this unique key exists.
    #[error("a row with this key exists")]
    Duplicate,
    /// The database cannot be reached or is overloaded: a retry may succeed. A write may have been committed, if
    /// only its response was lost.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    #[error(transparent)]
    Failed(sqlx::Error),
}

impl DbError {
    pub(super) fn timeout(limit: Duration) -> Self {
        Self::Unavailable(format!("no response in {} s", limit.as_secs()))
    }
}

impl From<sqlx::Error> for DbError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(cause) if cause.is_unique_violation() => Self::Duplicate,
            sqlx::Error::Database(cause) if is_transient(cause.code().as_deref()) => {
                Self::Unavailable(cause.to_string())
            }
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed => Self::Unavailable(error.to_string()),
            _ => Self::Failed(error),
        }
    }
}

/// Returns whether PostgreSQL rolled a transaction back because of a concurrent one (SQLSTATE class 40). The
/// connection itself is fine.
pub(super) fn is_serialization_failure(error: &sqlx::Error) -> bool {
    let sqlx::Error::Database(cause) = error else { return false };
    cause.code().is_some_and(|code| code.len() == 5 && code.starts_with("40"))
}

/// Returns whether an error code tells of the database's condition, not of a mistake in the statement.
///
/// PostgreSQL's SQLSTATE classes 08 (connection), 40 (serialization failure or deadlock), 53 (resources) and 57
/// (operator intervention, like a restart), 25P03 (idle transaction timeout), and the codes of a server that is not, or
/// no longer, the primary of this database: 25006 (read-only transaction), 28 (no access) and 3D (no such database). See
/// its manual, appendix A. SQLite's primary result codes, in the low byte, for a locked, failing, full or read-only disk:
/// its manual, "Result and Error Codes".
fn is_transient(code: Option<&str>) -> bool {
    const BUSY_LOCKED_READONLY_IOERR_FULL_CANTOPEN: [u32; 6] = [5, 6, 8, 10, 13, 14];
    let Some(code) = code else { return false };
    if code.len() == 5
        && ["08", "25006", "25P03", "28", "3D", "40", "53", "57"].iter().any(|class| code.starts_with(class))
    {
        return true;
    }
    let sqlite = code.parse::<u32>().map(|code| code & 0xff);
    code.len() < 5 && sqlite.is_ok_and(|code| BUSY_LOCKED_READONLY_IOERR_FULL_CANTOPEN.contains(&code))
}

#[cfg(test)]
mod tests {
    use super::is_transient;

    #[test]
    fn db_outage_codes_differ_from_statement_errors() {
        for code in
            ["57P01", "25006", "25P03", "28P01", "3D000", "40P01", "53300", "08006", "5", "517", "778", "13"]
        {
            assert!(is_transient(Some(code)), "{code}");
        }
        for code in ["23505", "25P02", "42P01", "1", "19", "2067"] {
            assert!(!is_transient(Some(code)), "{code}");
        }
        assert!(!is_transient(None));
    }
}
