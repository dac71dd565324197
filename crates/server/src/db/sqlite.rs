//! SQLite: its file, its settings, and its migration.

use super::open_error::OpenError;
use super::pool::{ConnectionHooks, Pool};
use super::schema::{Inspection, LATEST_MIGRATION, State, migrator};
use crate::private_files;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, Executor as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Connections for reading. Writes have one connection, because SQLite has one writer at a time, and the pool's queue is
/// fairer than SQLite's busy handler.
const READERS: usize = 4;

const HOOKS: ConnectionHooks<SqliteConnection> = ConnectionHooks {
    rollback: |connection| Box::pin(async { connection.execute("ROLLBACK").await.map(drop) }),
    ping_after_idle: None,
};

type SqlitePool = Arc<Pool<SqliteConnection>>;

/// Returns the pool for writes and the pool for reads.
pub(super) fn pools(options: SqliteConnectOptions) -> (SqlitePool, SqlitePool) {
    let write = with_settings(options);
    let read = write.clone().pragma("query_only", "on");
    (Arc::new(Pool::new(write, 1, HOOKS)), Arc::new(Pool::new(read, READERS, HOOKS)))
}

/// Returns a pool that changes nothing, neither the file nor those beside it.
pub(super) fn read_only_pool(options: SqliteConnectOptions) -> SqlitePool {
    Arc::new(Pool::new(options.read_only(true), 1, HOOKS))
}

fn with_settings(options: SqliteConnectOptions) -> SqliteConnectOptions {
    options
        .journal_mode(SqliteJournalMode::Wal)
        // FULL: a committed transaction survives a power cut. NORMAL could lose the last ones.
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(5))
        .foreign_keys(true)
        .pragma("cache_size", "-1024")
}

pub(super) async fn inspect(options: SqliteConnectOptions) -> Result<Inspection, OpenError> {
    let (place, kind) = (options.get_filename().display().to_string(), "SQLite".to_owned());
    if !options.get_filename().exists() {
        return Ok(Inspection { place, kind, state: State::Missing });
    }
    let connected = options.read_only(true).connect().await;
    let mut connection = connected.map_err(|cause| OpenError::sqlite(&place, cause))?;
    let state = state(&mut connection, &place).await?;
    // Ignored: a read-only connection cannot remove SQLite's WAL file.
    let _ = connection.close().await;
    Ok(Inspection { place, kind, state })
}

/// Creates the file if it is missing, and migrates it. Several processes may do so concurrently.
pub(super) async fn migrate(options: SqliteConnectOptions) -> Result<(), OpenError> {
    let file = options.get_filename().to_owned();
    let place = file.display().to_string();
    let open_error = |cause| OpenError::sqlite(&place, cause);
    create_private(&file, &place)?;
    let mut connection = with_settings(options).connect().await.map_err(open_error)?;
    // An immediate transaction is a lock, and a start that is killed during the migration leaves nothing behind.
    let mut tx = connection.begin_with("BEGIN IMMEDIATE").await.map_err(open_error)?;
    state(&mut tx, &place).await?;
    let migrated = migrator(true).run_direct(None, &mut *tx, false).await;
    migrated.map_err(|cause| OpenError::from_migration(&place, cause))?;
    tx.commit().await.map_err(open_error)?;
    // Only now: until here the file could have been another program's.
    restrict(&file);
    connection.close().await.map_err(open_error)
}

async fn state(connection: &mut SqliteConnection, place: &str) -> Result<State, OpenError> {
    let tables = "SELECT count(*) > 0, coalesce(max(name = 'schema_versions'), FALSE) FROM sqlite_master
                  WHERE type = 'table'";
    let found = async {
        let (has_tables, has_version) = sqlx::query_as(tables).fetch_one(&mut *connection).await?;
        let latest = if has_version {
            Some(sqlx::query_as(LATEST_MIGRATION).fetch_optional(connection).await?.unwrap_or_default())
        } else {
            None
        };
        Ok((has_tables, latest))
    };
    let (has_tables, latest) = found.await.map_err(|cause| OpenError::sqlite(place, cause))?;
    State::new(place, &migrator(true), has_tables, latest)
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
