//! Opening the database: SQLite's pragmas, the pool sizes, and migrations that several processes may run concurrently.

use super::Db;
use super::pool::{ConnectionHooks, Hook, Pool};
use crate::private_files;
use sqlx::migrate::MigrateError;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, SqlSafeStr as _};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

/// Connections for reading SQLite. Writes have one connection, because SQLite has one writer at a time, and the
/// pool's queue is fairer than SQLite's busy handler.
const SQLITE_READERS: usize = 4;
const POSTGRES_CONNECTIONS: usize = 8;
/// Time that PostgreSQL has to accept a connection, and to respond to the first queries on it.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(10);
/// A PostgreSQL connection that was idle for longer gets a ping, which costs a round trip.
const PING_AFTER_IDLE: Duration = Duration::from_secs(1);

/// Timeouts that PostgreSQL enforces itself, so that a server that disappears leaves no locks behind.
const SESSION_TIMEOUTS: &str =
    "SET statement_timeout = '5s'; SET idle_in_transaction_session_timeout = '10s'";

/// The database cannot be opened. Each message is one line that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("DATABASE_URL must begin with sqlite:// or postgres://")]
    UnknownKind,
    #[error("DATABASE_URL: percent-encode / ? # @ in the password as %2F %3F %23 %40")]
    UnescapedPassword,
    #[error("cannot create the folder {}: {cause}. Make its parent writable, or set DATABASE_URL to another path", .folder.display())]
    Folder { folder: PathBuf, cause: std::io::Error },
    #[error(
        "cannot open the database {place}: {cause}. Check that its folder is writable and that it is a database of cometchat-auth"
    )]
    Open { place: String, cause: sqlx::Error },
    #[error(
        "{place} is not a database of cometchat-auth: it has other tables. Set DATABASE_URL to another database"
    )]
    ForeignDatabase { place: String },
    #[error(
        "there is no database at {place}. Run the command in the server's folder with the server's settings, or set DATABASE_URL"
    )]
    Missing { place: String },
    #[error(
        "the database {place} has the schema of an earlier version. Start the server of this version once: it migrates the database"
    )]
    OutdatedSchema { place: String },
    #[error("the database {place} has the schema of another version of cometchat-auth: {cause}")]
    OtherVersion { place: String, cause: MigrateError },
    #[error(
        "cannot migrate the database {place}: {cause}. The migration was rolled back: fix the cause and start again"
    )]
    Migrate { place: String, cause: MigrateError },
}

impl OpenError {
    fn from_migration(place: &str, cause: MigrateError) -> Self {
        let place = place.to_owned();
        match cause {
            // The database or the network failed, not the schema.
            MigrateError::Execute(_) | MigrateError::ExecuteMigration(..) => Self::Migrate { place, cause },
            _ => Self::OtherVersion { place, cause },
        }
    }
}

impl Db {
    /// Opens the database at `url` and migrates it. Creates SQLite's file if it is missing. Several processes may
    /// do so concurrently.
    pub async fn open(url: &str) -> Result<Self, OpenError> {
        if let Some(path) = sqlite_path(url) {
            Self::open_sqlite(url, &path).await
        } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            Self::open_postgres(url).await
        } else {
            Err(OpenError::UnknownKind)
        }
    }

    async fn open_sqlite(url: &str, path: &Path) -> Result<Self, OpenError> {
        let place = path.display().to_string();
        let open_error = |cause| OpenError::Open { place: place.clone(), cause };
        let options = SqliteConnectOptions::from_str(url).map_err(open_error)?;
        let file = options.get_filename().to_owned();
        create_private(&file, &place)?;
        let options = options
            .journal_mode(SqliteJournalMode::Wal)
            // FULL: a committed transaction survives a power cut. NORMAL could lose the last ones.
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_secs(5))
            .foreign_keys(true)
            .pragma("cache_size", "-1024");
        let mut connection = options.connect().await.map_err(open_error)?;

        // sqlx has no migration lock on SQLite. An immediate transaction is one, and a start that is killed
        // during the migration leaves nothing behind.
        let mut tx = connection.begin_with("BEGIN IMMEDIATE").await.map_err(open_error)?;
        let (tables, version_tables) = sqlite_tables(&mut tx).await.map_err(open_error)?;
        if tables > 0 && version_tables == 0 {
            return Err(OpenError::ForeignDatabase { place });
        }
        migrator(true)
            .run_direct(None, &mut *tx, false)
            .await
            .map_err(|cause| OpenError::from_migration(&place, cause))?;
        tx.commit().await.map_err(open_error)?;
        // Only now: until here the file could have been another program's.
        restrict(&file);

        connection.close().await.map_err(open_error)?;

        let write = Pool::new(options.clone(), 1, sqlite_hooks());
        let read = Pool::new(options.pragma("query_only", "on"), SQLITE_READERS, sqlite_hooks());
        Ok(Self::Sqlite { write: Arc::new(write), read: Arc::new(read) })
    }

    async fn open_postgres(url: &str) -> Result<Self, OpenError> {
        let (options, place) = postgres(url)?;
        let open_error = |cause| OpenError::Open { place: place.clone(), cause };
        // Not a pooled connection: a failed migration would leave its lock on it, and the next start would
        // wait forever.
        let mut connection = with_connect_timeout(&place, PgConnection::connect_with(&options)).await?;
        let (has_version, has_tables) =
            with_connect_timeout(&place, postgres_tables(&mut connection)).await?;
        if has_tables && !has_version {
            return Err(OpenError::ForeignDatabase { place });
        }
        let migrated = migrator(false).run_direct(None, &mut connection, false).await;
        connection.close().await.map_err(open_error)?;
        migrated.map_err(|cause| OpenError::from_migration(&place, cause))?;
        let hooks = ConnectionHooks::<PgConnection> {
            after_connect: Some(|connection| {
                Box::pin(async { connection.execute(SESSION_TIMEOUTS).await.map(drop) })
            }),
            rollback: |connection| Box::pin(async { connection.execute("ROLLBACK").await.map(drop) }),
            ping_after_idle: Some(PING_AFTER_IDLE),
        };
        Ok(Self::Postgres(Arc::new(Pool::new(options, POSTGRES_CONNECTIONS, hooks))))
    }
}

pub(super) fn sqlite_hooks() -> ConnectionHooks<SqliteConnection> {
    let rollback: Hook<SqliteConnection> =
        |connection| Box::pin(async { connection.execute("ROLLBACK").await.map(drop) });
    ConnectionHooks { after_connect: None, rollback, ping_after_idle: None }
}

/// Creates the file and its folder if they are missing, accessible to this user only.
fn create_private(file: &Path, place: &str) -> Result<(), OpenError> {
    let folder = folder_of(file);
    private_files::create_folder(folder)
        .map_err(|cause| OpenError::Folder { folder: folder.to_owned(), cause })?;
    private_files::create_file(file)
        .map_err(|cause| OpenError::Open { place: place.to_owned(), cause: cause.into() })
}

/// Removes the access of other users to the database file and to SQLite's files beside it.
fn restrict(file: &Path) {
    private_files::restrict_folder(folder_of(file));
    // SQLite follows symbolic links, and keeps its other files beside the target.
    let file = file.canonicalize().unwrap_or_else(|_| file.to_owned());
    for suffix in ["", "-wal", "-shm"] {
        let mut name = file.as_os_str().to_owned();
        name.push(suffix);
        private_files::restrict_file(Path::new(&name));
    }
}

fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Returns whether the version table exists, and whether any table with a name of this schema does.
pub(super) async fn postgres_tables(connection: &mut PgConnection) -> Result<(bool, bool), sqlx::Error> {
    sqlx::query_as(
        "SELECT to_regclass('schema_versions') IS NOT NULL,
                EXISTS (SELECT FROM pg_tables WHERE schemaname = current_schema()
                        AND tablename IN ('users', 'sessions', 'login_failures', 'chat_jobs', 'used_assertions',
                                          'assertion_cutoffs'))",
    )
    .fetch_one(connection)
    .await
}

/// Returns the number of tables, and how many of them are the version table.
pub(super) async fn sqlite_tables(connection: &mut SqliteConnection) -> Result<(i64, i64), sqlx::Error> {
    sqlx::query_as(
        "SELECT count(*), coalesce(sum(name = 'schema_versions'), 0) FROM sqlite_master WHERE type = 'table'",
    )
    .fetch_one(connection)
    .await
}

/// Applies the timeout for a first response: PostgreSQL may accept a connection and send nothing on it.
pub(super) async fn with_connect_timeout<T>(
    place: &str,
    work: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, OpenError> {
    let result = tokio::time::timeout(RESPONSE_TIMEOUT, work).await;
    let result = result.unwrap_or_else(|_| Err(std::io::Error::from(ErrorKind::TimedOut).into()));
    result.map_err(|cause| OpenError::Open { place: place.to_owned(), cause })
}

/// Parses a PostgreSQL URL. The returned name of the place has no password, unlike the URL.
pub(super) fn postgres(url: &str) -> Result<(PgConnectOptions, String), OpenError> {
    // Otherwise part of the password would be parsed as the name of a host or database, and appear in messages.
    if url.split_once("://").is_some_and(|(_, rest)| {
        rest.split_once(['/', '?', '#']).is_some_and(|(_, after)| after.contains('@'))
    }) {
        return Err(OpenError::UnescapedPassword);
    }
    let options = PgConnectOptions::from_str(url)
        .map_err(|cause| OpenError::Open { place: "DATABASE_URL".into(), cause })?;
    let database = options.get_database().unwrap_or("postgres");
    let place = format!("{database} on {}:{}", options.get_host(), options.get_port());
    Ok((options, place))
}

/// Returns the file of a `sqlite://` URL, or `None` for any other URL.
pub fn sqlite_path(url: &str) -> Option<PathBuf> {
    let path = url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:"))?;
    Some(PathBuf::from(path.split_once('?').map_or(path, |(path, _)| path)))
}

/// Returns the schema's migrations. Before the first release there is one, which is edited in place.
pub(super) fn migrator(is_sqlite: bool) -> sqlx::migrate::Migrator {
    use sqlx::migrate::{Migration, MigrationType, Migrator};
    let initial = include_str!("../../migrations/0001_initial.sql");
    let initial = if is_sqlite { initial.to_owned() } else { initial.replace(") WITHOUT ROWID;", ");") };
    let sql = AssertSqlSafe(initial).into_sql_str();
    let initial = Migration::new(1, "initial".into(), MigrationType::Simple, sql, false);
    let mut migrator = Migrator::with_migrations(vec![initial]);
    // Not sqlx's default name, so that another program's database is not taken for this server's.
    migrator.dangerous_set_table_name("schema_versions");
    migrator
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params;

    #[tokio::test]
    async fn migration_failure_differs_from_foreign_version() {
        for (change, message) in [
            ("UPDATE schema_versions SET version = 99", "schema of another version"),
            ("DELETE FROM schema_versions", "migrate the database test.db: while executing migration 1"),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("test.db");
            let url = format!("sqlite://{}", path.display());
            let db = Db::open(&url).await.unwrap();
            db.execute(change, params![]).await.unwrap();
            db.close().await;
            let error = Db::open(&url).await.err().unwrap().to_string();
            assert!(error.replace(&path.display().to_string(), "test.db").contains(message), "{error}");
        }
    }
}
