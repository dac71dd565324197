//! Connecting to PostgreSQL, directly or through a pooler such as PgBouncer.
//!
//! A pooler in transaction mode gives each transaction of a connection another session of PostgreSQL. Prepared
//! statements and settings of a session are then lost, or belong to another client. Behind a pooler, in whatever mode,
//! the server therefore uses neither: each statement is in a transaction, with a statement without a name.

use super::open_error::OpenError;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{Connection as _, Executor as _, Row as _};
use std::io::ErrorKind;
use std::time::Duration;

/// Time that PostgreSQL has to accept a connection, and to respond to the first queries on it.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(10);

/// Begins a transaction behind a pooler, with the timeouts of [`SESSION`].
pub(super) const BEGIN_BEHIND_POOLER: &str = "BEGIN; SET LOCAL statement_timeout = '5s';
     SET LOCAL idle_in_transaction_session_timeout = '10s'";
/// Settings of a session: timeouts that PostgreSQL enforces itself, so that a server that disappears leaves no locks
/// behind, and a mark that shows whether the session is the connection's own. A pooler does not pass them on.
const SESSION: [(&str, &str); 3] = [
    ("statement_timeout", "5s"),
    ("idle_in_transaction_session_timeout", "10s"),
    ("cometchat_auth.is_direct", "true"),
];
const IS_DIRECT: &str =
    "SELECT coalesce(current_setting('cometchat_auth.is_direct', true), '') = 'true' AS is_direct";

/// Lets one start at a time migrate, for as long as it takes, and discards the statements that another client of the
/// pooler has prepared: sqlx's migration gives its statements the same names.
pub(super) const MIGRATION_LOCK: &str = "SET LOCAL statement_timeout = 0;
     SET LOCAL idle_in_transaction_session_timeout = 0;
     SELECT pg_advisory_xact_lock(7221914350116290817);
     DEALLOCATE ALL";
/// Discards the prepared statements of the migration, which would stay in a session of the pooler.
pub(super) const RELEASE_STATEMENTS: &str = "DEALLOCATE ALL";

/// How the connections of the pool are opened and used.
pub(super) struct Session {
    pub options: PgConnectOptions,
    /// Each connection has its own session, with the settings of [`SESSION`].
    pub is_direct: bool,
}

/// Connects, and finds out whether a pooler is in between.
pub(super) async fn connect(
    options: PgConnectOptions,
    place: &str,
) -> Result<(PgConnection, Session), OpenError> {
    with_timeout(place, async {
        let with_settings = options.clone().options(SESSION);
        let (mut connection, is_passed) = match PgConnection::connect_with(&with_settings).await {
            Err(error) if is_refused_by_pooler(&error) => {
                (PgConnection::connect_with(&options).await?, false)
            }
            connected => (connected?, true),
        };
        if is_passed && connection.fetch_one(IS_DIRECT).await?.try_get("is_direct")? {
            return Ok((connection, Session { options: with_settings, is_direct: true }));
        }
        tracing::info!(database = place, "a pooler is between the server and PostgreSQL");
        Ok((connection, Session { options, is_direct: false }))
    })
    .await
}

/// Returns whether the connection was refused because of the settings: PgBouncer does so unless it is configured to ignore
/// them (08P01, protocol violation), others do not support them (0A000).
fn is_refused_by_pooler(error: &sqlx::Error) -> bool {
    let sqlx::Error::Database(cause) = error else { return false };
    matches!(cause.code().as_deref(), Some("08P01" | "0A000"))
}

/// Returns whether the version table exists, and whether any table with a name of this schema does.
pub(super) async fn tables(connection: &mut PgConnection) -> Result<(bool, bool), sqlx::Error> {
    let row = connection
        .fetch_one(
            "SELECT to_regclass('schema_versions') IS NOT NULL AS has_version,
                    EXISTS (SELECT FROM pg_tables WHERE schemaname = current_schema()
                            AND tablename IN ('users', 'sessions', 'login_failures', 'chat_jobs', 'used_assertions',
                                              'assertion_cutoffs')) AS has_tables",
        )
        .await?;
    Ok((row.try_get("has_version")?, row.try_get("has_tables")?))
}

/// Applies the timeout for a first response: PostgreSQL may accept a connection and send nothing on it.
pub(super) async fn with_timeout<T>(
    place: &str,
    work: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, OpenError> {
    let result = tokio::time::timeout(RESPONSE_TIMEOUT, work).await;
    let result = result.unwrap_or_else(|_| Err(std::io::Error::from(ErrorKind::TimedOut).into()));
    result.map_err(|cause| OpenError::postgres(place, cause))
}
