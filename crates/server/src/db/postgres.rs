//! PostgreSQL, directly or through a pooler such as PgBouncer.
//!
//! A pooler in transaction mode gives each transaction of a connection another session of PostgreSQL. Prepared
//! statements and settings of a session are then lost, or belong to another client. Behind a pooler, in whatever mode,
//! the server therefore uses neither: each statement is in a transaction, with a statement without a name.

use super::open_error::{OpenError, UrlError};
use super::pool::{ConnectionHooks, Pool};
use super::postgres_url;
use super::schema::{Inspection, LATEST_MIGRATION, State, migrator};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{Connection as _, Executor as _, FromRow, Row as _};
use std::io::ErrorKind;
use std::time::Duration;

const POOL_SIZE: usize = 8;
/// A connection that was idle for longer gets a ping, which costs a round trip.
const PING_AFTER_IDLE: Duration = Duration::from_secs(1);
/// Time that PostgreSQL has to accept a connection, and to respond to the first queries on it.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(10);

/// Settings of a session: timeouts that PostgreSQL enforces itself, so that a server that disappears leaves no locks
/// behind, and a mark that shows whether the session is the connection's own. A pooler does not pass them on.
const SESSION_SETTINGS: [(&str, &str); 3] = [
    ("statement_timeout", "5s"),
    ("idle_in_transaction_session_timeout", "10s"),
    ("cometchat_auth.is_direct", "true"),
];
/// Selects whether the version table exists, and whether any table with a name of this schema does.
const TABLES: &str = "SELECT to_regclass('schema_versions') IS NOT NULL AS has_version,
     EXISTS (SELECT FROM pg_tables WHERE schemaname = current_schema() AND tablename IN
             ('users', 'sessions', 'login_failures', 'chat_jobs', 'used_assertions', 'assertion_cutoffs')) AS has_tables";
const IS_DIRECT: &str =
    "SELECT coalesce(current_setting('cometchat_auth.is_direct', true), '') = 'true' AS is_direct";

/// Lets one start at a time migrate, for as long as it takes, and discards the statements that another client of the
/// pooler has prepared: sqlx's migration gives its statements the same names. If another start disappears, PostgreSQL
/// ends its session before this one stops waiting.
const MIGRATION_LOCK: &str = "SET LOCAL statement_timeout = 0;
     SET LOCAL idle_in_transaction_session_timeout = '10s';
     SET LOCAL lock_timeout = '60s';
     SELECT pg_advisory_xact_lock(7221914350116290817);
     DEALLOCATE ALL";
/// Discards the prepared statements of the migration, which would stay in a session of the pooler.
const RELEASE_STATEMENTS: &str = "DEALLOCATE ALL";

/// How connections reach PostgreSQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// Each connection has its own session, with [`SESSION_SETTINGS`].
    Direct,
    /// A pooler is in between.
    Pooled,
}

impl Link {
    /// Returns the statement that begins a transaction, which has the timeouts of [`SESSION_SETTINGS`].
    pub(super) fn begin(self) -> &'static str {
        match self {
            Self::Direct => "BEGIN",
            Self::Pooled => {
                "BEGIN; SET LOCAL statement_timeout = '5s'; SET LOCAL idle_in_transaction_session_timeout = '10s'"
            }
        }
    }
}

/// A PostgreSQL server that has accepted a connection.
pub(super) struct Server {
    place: String,
    options: PgConnectOptions,
    pub link: Link,
}

impl Server {
    /// Connects, and finds out whether a pooler is in between.
    pub async fn connect(options: PgConnectOptions) -> Result<(Self, PgConnection), OpenError> {
        let place = postgres_url::place(&options);
        let has_settings = options.get_options().is_some_and(has_session_settings);
        let direct_options = options.clone().options(SESSION_SETTINGS);
        let connected = with_timeout(&place, async {
            let mut connection = match PgConnection::connect_with(&direct_options).await {
                Err(error) if is_refused_by_pooler(&error) && has_settings => return Ok(None),
                Err(error) if is_refused_by_pooler(&error) => PgConnection::connect_with(&options).await?,
                connected => connected?,
            };
            let is_direct: bool = connection.fetch_one(IS_DIRECT).await?.try_get("is_direct")?;
            Ok((is_direct || !has_settings).then_some((connection, is_direct)))
        });
        match connected.await? {
            Some((connection, true)) => {
                Ok((Self { place, options: direct_options, link: Link::Direct }, connection))
            }
            Some((connection, false)) => Ok((Self { place, options, link: Link::Pooled }, connection)),
            None => Err(UrlError::new(
                "options, or PGOPTIONS, have no effect behind a pooler: remove them, and use ALTER ROLE … SET instead",
            )
            .into()),
        }
    }

    pub async fn inspect(&self, mut connection: PgConnection) -> Result<Inspection, OpenError> {
        let state = self.state(&mut connection).await?;
        let version = with_timeout(&self.place, async {
            let version = connection.fetch_one("SHOW server_version").await?.try_get("server_version")?;
            connection.close().await?;
            Ok::<String, _>(version)
        });
        let pooler = if self.link == Link::Pooled { " behind a pooler" } else { "" };
        let kind = format!("PostgreSQL {}{pooler}", version.await?);
        Ok(Inspection { place: self.place.clone(), kind, state })
    }

    /// Migrates the database. Several processes may do so concurrently.
    pub async fn migrate(&self, mut connection: PgConnection) -> Result<(), OpenError> {
        let place = &self.place;
        if self.link == Link::Pooled {
            tracing::info!(database = place, "a pooler is between the server and PostgreSQL");
        }
        let open_error = |cause| OpenError::postgres(place, cause);
        // A transaction: a start that is killed during the migration leaves nothing behind, not even a lock.
        let mut tx = with_timeout(place, connection.begin()).await?;
        tx.execute(MIGRATION_LOCK).await.map_err(open_error)?;
        self.state(&mut tx).await?;
        let migrated = migrator(false).run_direct(None, &mut *tx, false).await;
        migrated.map_err(|cause| OpenError::from_migration(place, cause))?;
        tx.execute(RELEASE_STATEMENTS).await.map_err(open_error)?;
        tx.commit().await.map_err(open_error)?;
        connection.close().await.map_err(open_error)
    }

    async fn state(&self, connection: &mut PgConnection) -> Result<State, OpenError> {
        let found = with_timeout(&self.place, async {
            let tables = connection.fetch_one(TABLES).await?;
            let latest = if tables.try_get("has_version")? {
                let latest = connection.fetch_optional(LATEST_MIGRATION).await?;
                Some(latest.map(|row| FromRow::from_row(&row)).transpose()?.unwrap_or_default())
            } else {
                None
            };
            Ok((tables.try_get("has_tables")?, latest))
        });
        let (has_tables, latest) = found.await?;
        State::new(&self.place, &migrator(false), has_tables, latest)
    }

    pub fn pool(self) -> Pool<PgConnection> {
        let hooks = ConnectionHooks::<PgConnection> {
            rollback: |connection| Box::pin(async { connection.execute("ROLLBACK").await.map(drop) }),
            ping_after_idle: Some(PING_AFTER_IDLE),
        };
        Pool::new(self.options, POOL_SIZE, hooks)
    }
}

/// Returns whether options have settings of a session, like `-c search_path=auth`. Others are for the pooler itself.
fn has_session_settings(options: &str) -> bool {
    options.split_whitespace().any(|word| word.starts_with('-'))
}

/// Returns whether the connection was refused because of the settings: PgBouncer does so unless it is configured to ignore
/// them (08P01, protocol violation), others do not support them (0A000).
fn is_refused_by_pooler(error: &sqlx::Error) -> bool {
    let sqlx::Error::Database(cause) = error else { return false };
    matches!(cause.code().as_deref(), Some("08P01" | "0A000"))
}

/// Applies the timeout for a first response: PostgreSQL may accept a connection and send nothing on it.
async fn with_timeout<T>(
    place: &str,
    work: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, OpenError> {
    let result = tokio::time::timeout(RESPONSE_TIMEOUT, work).await;
    let result = result.unwrap_or_else(|_| Err(std::io::Error::from(ErrorKind::TimedOut).into()));
    result.map_err(|cause| OpenError::postgres(place, cause))
}
