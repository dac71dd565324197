//! Opening the database: SQLite's pragmas, the pool sizes, and migrations that several processes may run concurrently.

use super::Db;
use super::database_url::{self, DatabaseUrl};
use super::open_error::OpenError;
use super::pool::{ConnectionHooks, Hook, Pool};
use super::postgres::{self, Session};
use super::postgres_url;
use crate::private_files;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, SqlSafeStr as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Connections for reading SQLite. Writes have one connection, because SQLite has one writer at a time, and the
/// pool's queue is fairer than SQLite's busy handler.
const SQLITE_READERS: usize = 4;
const POSTGRES_CONNECTIONS: usize = 8;
/// A PostgreSQL connection that was idle for longer gets a ping, which costs a round trip.
const PING_AFTER_IDLE: Duration = Duration::from_secs(1);

impl Db {
    /// Opens the database at `url` and migrates it. Creates SQLite's file if it is missing. Several processes may
    /// do so concurrently.
    pub async fn open(url: &str) -> Result<Self, OpenError> {
        match database_url::parse(url)? {
            DatabaseUrl::Sqlite(options) => Self::open_sqlite(options).await,
            DatabaseUrl::Postgres(options) => Self::open_postgres(options).await,
        }
    }

    async fn open_sqlite(options: SqliteConnectOptions) -> Result<Self, OpenError> {
        let place = options.get_filename().display().to_string();
        let open_error = |cause| OpenError::sqlite(&place, cause);
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

        // An immediate transaction is a lock, and a start that is
        // killed during the migration leaves nothing behind.
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

    async fn open_postgres(options: PgConnectOptions) -> Result<Self, OpenError> {
        let place = postgres_url::place(&options);
        let open_error = |cause| OpenError::postgres(&place, cause);
        let (mut connection, session) = postgres::connect(options, &place).await?;
        // A transaction: a start that is killed during the migration leaves nothing behind, not even a lock.
        let mut tx = connection.begin().await.map_err(open_error)?;
        tx.execute(postgres::MIGRATION_LOCK).await.map_err(open_error)?;
        let (has_version, has_tables) = postgres::with_timeout(&place, postgres::tables(&mut tx)).await?;
        if has_tables && !has_version {
            return Err(OpenError::ForeignDatabase { place });
        }
        migrator(false)
            .run_direct(None, &mut *tx, false)
            .await
            .map_err(|cause| OpenError::from_migration(&place, cause))?;
        tx.execute(postgres::RELEASE_STATEMENTS).await.map_err(open_error)?;
        tx.commit().await.map_err(open_error)?;
        connection.close().await.map_err(open_error)?;
        let Session { options, is_direct } = session;
        let hooks = ConnectionHooks::<PgConnection> {
            rollback: |connection| Box::pin(async { connection.execute("ROLLBACK").await.map(drop) }),
            ping_after_idle: Some(PING_AFTER_IDLE),
        };
        let pool = Arc::new(Pool::new(options, POSTGRES_CONNECTIONS, hooks));
        Ok(Self::Postgres { pool, is_direct })
    }
}

pub(super) fn sqlite_hooks() -> ConnectionHooks<SqliteConnection> {
    let rollback: Hook<SqliteConnection> =
        |connection| Box::pin(async { connection.execute("ROLLBACK").await.map(drop) });
    ConnectionHooks { rollback, ping_after_idle: None }
}

/// Creates the file and its folder if they are missing, accessible to this user only.
fn create_private(file: &Path, place: &str) -> Result<(), OpenError> {
    let folder = folder_of(file);
    private_files::create_folder(folder)
        .map_err(|cause| OpenError::Folder { folder: folder.to_owned(), cause })?;
    private_files::create_file(file).map_err(|cause| OpenError::sqlite(place, cause.into()))
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

/// Returns the number of tables, and how many of them are the version table.
pub(super) async fn sqlite_tables(connection: &mut SqliteConnection) -> Result<(i64, i64), sqlx::Error> {
    sqlx::query_as(
        "SELECT count(*), coalesce(sum(name = 'schema_versions'), 0) FROM sqlite_master WHERE type = 'table'",
    )
    .fetch_one(connection)
    .await
}

/// Returns the schema's migrations. Before the first release there is one, which is edited in place.
pub(super) fn migrator(is_sqlite: bool) -> sqlx::migrate::Migrator {
    use sqlx::migrate::{Migration, MigrationType, Migrator};
    let initial = include_str!("../../migrations/0001_initial.sql");
    let initial = if is_sqlite { initial.to_owned() } else { initial.replace(") WITHOUT ROWID;", ");") };
    let sql = AssertSqlSafe(initial).into_sql_str();
    let initial = Migration::new(1, "initial".into(), MigrationType::Simple, sql, false);
    let mut migrator = Migrator::with_migrations(vec![initial]);
    // The transaction around the migration has the lock. sqlx's lock on PostgreSQL belongs to a session.
    migrator.set_locking(false);
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
