//! Opening the database: how many connections, SQLite's pragmas, and migrations that several processes may run
//! at once.

use super::Db;
use super::pool::{ConnectionHooks, Pool, Step};
use crate::private_files;
use sqlx::migrate::MigrateError;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, SqlSafeStr as _};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::time::Duration;

/// Connections that read SQLite at once. Writes have one connection of their own, because SQLite
/// writes one at a time anyway, and a pool queues more fairly than a busy handler.
const SQLITE_READERS: usize = 4;
const POSTGRES_CONNECTIONS: usize = 8;
/// How long PostgreSQL may take to let us in, and to say what it has.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(10);
/// A connection to PostgreSQL that was idle for longer gets a ping, which costs a round trip.
const PING_AFTER_IDLE: Duration = Duration::from_secs(1);

/// PostgreSQL's own limits: a server that has vanished without a word must not leave behind what others wait for. A
/// statement is given up there when it is given up here, and a transaction that nobody goes on with after a while.
const SESSION_TIMEOUTS: &str =
    "SET statement_timeout = '5s'; SET idle_in_transaction_session_timeout = '10s'";

/// Why the database could not be opened, in one line that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("DATABASE_URL must begin with sqlite:// or postgres://")]
    UnknownKind,
    #[error("DATABASE_URL: write the signs / ? # @ of a password as %2F %3F %23 %40")]
    UnescapedPassword,
    #[error("cannot make the folder {}: {cause}. Make it writable, or set DATABASE_URL to another place", .folder.display())]
    Folder { folder: PathBuf, cause: std::io::Error },
    #[error("cannot open the database {place}: {cause}. Is its folder writable, and is it one of ours?")]
    Open { place: String, cause: sqlx::Error },
    #[error(
        "{place} is not a database of cometchat-auth: it has other tables. Set DATABASE_URL to another place"
    )]
    ForeignDatabase { place: String },
    #[error(
        "there is no database at {place}. Run this in the folder and with the settings of the server, or set DATABASE_URL to its database"
    )]
    Missing { place: String },
    #[error(
        "the database {place} is of an earlier version of cometchat-auth. Start the server of this version: it brings it up to date"
    )]
    OutdatedSchema { place: String },
    #[error("the database {place} was made by another version of cometchat-auth: {cause}")]
    OtherVersion { place: String, cause: MigrateError },
    #[error(
        "cannot bring the database {place} up to date: {cause}. Nothing is half done: mend that, and start again"
    )]
    Migrate { place: String, cause: MigrateError },
}

impl OpenError {
    fn not_migrated(place: &str, cause: MigrateError) -> Self {
        let place = place.to_owned();
        match cause {
            // What the database and the network do.
            MigrateError::Execute(_) | MigrateError::ExecuteMigration(..) => Self::Migrate { place, cause },
            _ => Self::OtherVersion { place, cause },
        }
    }
}

impl Db {
    /// Opens the database at `url`, makes it when SQLite's file is missing, and brings its schema up
    /// to date. Several processes may do so at once.
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
            // FULL keeps what was answered through a power cut; NORMAL would lose the last moments.
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_secs(5))
            .foreign_keys(true)
            .pragma("cache_size", "-1024");
        let mut connection = options.connect().await.map_err(open_error)?;

        // sqlx has no migration lock on SQLite: an immediate transaction is one, and makes a start
        // that is killed half way leave nothing behind.
        let mut tx = connection.begin_with("BEGIN IMMEDIATE").await.map_err(open_error)?;
        let (tables, ours) = sqlite_tables(&mut tx).await.map_err(open_error)?;
        if tables > 0 && ours == 0 {
            return Err(OpenError::ForeignDatabase { place });
        }
        migrator(true)
            .run_direct(None, &mut *tx, false)
            .await
            .map_err(|cause| OpenError::not_migrated(&place, cause))?;
        tx.commit().await.map_err(open_error)?;
        // Not before: the file may be another program's.
        restrict(&file);

        let write = Pool::new(options.clone(), 1, sqlite_hooks());
        write.put(connection);
        let read = Pool::new(options.pragma("query_only", "on"), SQLITE_READERS, sqlite_hooks());
        Ok(Self::Sqlite { write, read })
    }

    async fn open_postgres(url: &str) -> Result<Self, OpenError> {
        let (options, place) = postgres(url)?;
        let open_error = |cause| OpenError::Open { place: place.clone(), cause };
        // A connection of its own, closed after: a migration that fails would leave its lock with a
        // pooled one, and the next start would wait for ever.
        let mut connection = with_connect_timeout(&place, PgConnection::connect_with(&options)).await?;
        let (has_ours, has_others) = with_connect_timeout(&place, postgres_tables(&mut connection)).await?;
        if has_others && !has_ours {
            return Err(OpenError::ForeignDatabase { place });
        }
        let migrated = migrator(false).run_direct(None, &mut connection, false).await;
        connection.close().await.map_err(open_error)?;
        migrated.map_err(|cause| OpenError::not_migrated(&place, cause))?;
        let habits = ConnectionHooks::<PgConnection> {
            after_connect: Some(|connection| {
                Box::pin(async { connection.execute(SESSION_TIMEOUTS).await.map(drop) })
            }),
            rollback: |connection| Box::pin(async { connection.execute("ROLLBACK").await.map(drop) }),
            ping_after: Some(PING_AFTER_IDLE),
        };
        Ok(Self::Postgres(Pool::new(options, POSTGRES_CONNECTIONS, habits)))
    }
}

/// How connections to SQLite are kept.
pub(super) fn sqlite_hooks() -> ConnectionHooks<SqliteConnection> {
    let rollback: Step<SqliteConnection> =
        |connection| Box::pin(async { connection.execute("ROLLBACK").await.map(drop) });
    ConnectionHooks { after_connect: None, rollback, ping_after: None }
}

/// Creates the file and its folder where they are missing, for this user alone.
fn create_private(file: &Path, place: &str) -> Result<(), OpenError> {
    let folder = folder_of(file);
    private_files::create_folder(folder)
        .map_err(|cause| OpenError::Folder { folder: folder.to_owned(), cause })?;
    private_files::create_file(file)
        .map_err(|cause| OpenError::Open { place: place.to_owned(), cause: cause.into() })
}

/// Takes the access of other users away from a database that is there, and from SQLite's files beside it.
fn restrict(file: &Path) {
    private_files::restrict_folder(folder_of(file));
    // SQLite follows links, and keeps the other files beside the one that a link leads to.
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

/// Whether our tables are there, and whether any is that has the name of one of ours.
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

/// How many tables are there, and how many are the one that says which version they are of.
pub(super) async fn sqlite_tables(connection: &mut SqliteConnection) -> Result<(i64, i64), sqlx::Error> {
    sqlx::query_as(
        "SELECT count(*), coalesce(sum(name = 'schema_versions'), 0) FROM sqlite_master WHERE type = 'table'",
    )
    .fetch_one(connection)
    .await
}

/// What PostgreSQL answers, or why there is no answer in time: it may take a connection and say nothing on it.
pub(super) async fn with_connect_timeout<T>(
    place: &str,
    answer: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, OpenError> {
    let answer = tokio::time::timeout(RESPONSE_TIMEOUT, answer).await;
    let answer = answer.unwrap_or_else(|_| Err(std::io::Error::from(ErrorKind::TimedOut).into()));
    answer.map_err(|cause| OpenError::Open { place: place.to_owned(), cause })
}

/// Where this URL leads to, and what to call the place: never the URL, which has the password.
pub(super) fn postgres(url: &str) -> Result<(PgConnectOptions, String), OpenError> {
    // Else part of the password would be taken for a host's or a database's name, and be told as that.
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

/// The file of a `sqlite://` URL; `None` for any other URL.
pub fn sqlite_path(url: &str) -> Option<PathBuf> {
    let path = url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:"))?;
    Some(PathBuf::from(path.split_once('?').map_or(path, |(path, _)| path)))
}

/// The database's schema. Before the first release it is one migration, which is edited in place.
pub(super) fn migrator(is_sqlite: bool) -> sqlx::migrate::Migrator {
    use sqlx::migrate::{Migration, MigrationType, Migrator};
    let initial = include_str!("../../migrations/0001_initial.sql");
    let initial = if is_sqlite { initial.to_owned() } else { initial.replace(") WITHOUT ROWID;", ");") };
    let sql = AssertSqlSafe(initial).into_sql_str();
    let initial = Migration::new(1, "initial".into(), MigrationType::Simple, sql, false);
    let mut migrator = Migrator::with_migrations(vec![initial]);
    // A name of its own, so that the database of another program that uses sqlx is not taken for this server's.
    migrator.dangerous_set_table_name("schema_versions");
    migrator
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values;

    #[tokio::test]
    async fn migration_failure_differs_from_foreign_version() {
        for (change, told) in [
            ("UPDATE schema_versions SET version = 99", "made by another version"),
            (
                "DELETE FROM schema_versions",
                "bring the database test.db up to date: while executing migration 1",
            ),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("test.db");
            let url = format!("sqlite://{}", path.display());
            let db = Db::open(&url).await.unwrap();
            db.write(change, values![]).await.unwrap();
            db.close().await;
            let error = Db::open(&url).await.err().unwrap().to_string();
            assert!(error.replace(&path.display().to_string(), "test.db").contains(told), "{error}");
        }
    }
}
