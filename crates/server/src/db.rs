//! The database: one pool type over SQLite and PostgreSQL, and the only file that knows there are two.
//!
//! A statement is one `&'static str` that both read (`$1` placeholders), with values that are text or
//! 64-bit integers. Every statement is run to the end of its row stream: a stream that is dropped after
//! its first row can say "done" of a write whose commit failed. Knows no table; SQL lives beside the
//! type it loads.

use futures_util::TryStreamExt as _;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions, PgRow};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow, SqliteSynchronous,
};
use sqlx::{Connection as _, Either, Row as _, SqlSafeStr as _};
use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::time::Duration;

/// Connections that read SQLite at once. Writes have one connection of their own, because SQLite
/// writes one at a time anyway, and a pool queues more fairly than a busy handler.
const SQLITE_READERS: u32 = 4;
const POSTGRES_CONNECTIONS: u32 = 8;
/// How long a request waits for a connection before it is told to come back.
const ACQUIRE_LIMIT: Duration = Duration::from_secs(3);

/// A value bound to a placeholder.
#[derive(Debug, Clone)]
pub enum Value<'a> {
    Text(Cow<'a, str>),
    Int(i64),
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

/// The values of a statement: `values![user_id, now]`.
#[macro_export]
macro_rules! values {
    ($($value:expr),* $(,)?) => { &[$($crate::db::Value::from($value)),*] };
}

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

/// Why the database could not be opened, in one line that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("DATABASE_URL must begin with sqlite:// or postgres://")]
    UnknownKind,
    #[error("cannot make the folder {}: {cause}. Make it writable, or set DATABASE_URL to another place", .folder.display())]
    Folder { folder: PathBuf, cause: std::io::Error },
    #[error("cannot open the database {place}: {cause}. Is its folder writable, and is it one of ours?")]
    Open { place: String, cause: sqlx::Error },
    #[error(
        "{place} is not a database of cometchat-auth: it has other tables. Set DATABASE_URL to another place"
    )]
    NotOurs { place: String },
    #[error("the database {place} was made by another version of cometchat-auth: {cause}")]
    Migrate { place: String, cause: sqlx::migrate::MigrateError },
}

/// A row; columns are read by their place in the statement.
pub enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

impl Row {
    pub fn text(&self, column: usize) -> Result<String, DbError> {
        match self {
            Self::Sqlite(row) => Ok(row.try_get(column)?),
            Self::Postgres(row) => Ok(row.try_get(column)?),
        }
    }

    pub fn int(&self, column: usize) -> Result<i64, DbError> {
        match self {
            Self::Sqlite(row) => Ok(row.try_get(column)?),
            Self::Postgres(row) => Ok(row.try_get(column)?),
        }
    }
}

/// What a statement did.
pub struct Done {
    pub rows: Vec<Row>,
    /// Rows written.
    pub affected: u64,
}

/// Binds the values and reads the stream of one executor to its end.
macro_rules! to_end {
    ($executor:expr, $sql:expr, $values:expr, $row:path) => {{
        let mut query = sqlx::query($sql);
        for value in $values {
            query = match value {
                Value::Text(text) => query.bind(text.to_string()),
                Value::Int(number) => query.bind(*number),
            };
        }
        let mut done = Done { rows: Vec::new(), affected: 0 };
        let mut stream = sqlx::Executor::fetch_many($executor, query);
        while let Some(item) = stream.try_next().await? {
            match item {
                Either::Left(result) => done.affected += result.rows_affected(),
                Either::Right(row) => done.rows.push($row(row)),
            }
        }
        drop(stream);
        Ok(done)
    }};
}

/// The pool. Cheap to clone.
#[derive(Clone)]
pub enum Db {
    Sqlite { write: SqlitePool, read: SqlitePool },
    Postgres(PgPool),
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
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder)
                .map_err(|cause| OpenError::Folder { folder: folder.to_owned(), cause })?;
        }
        let options = SqliteConnectOptions::from_str(url)
            .map_err(open_error)?
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // FULL keeps what was answered through a power cut; NORMAL would lose the last moments.
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_secs(5))
            .foreign_keys(true)
            .pragma("mmap_size", "268435456");
        let pool = |connections| {
            SqlitePoolOptions::new()
                .max_connections(connections)
                .min_connections(connections)
                .acquire_timeout(ACQUIRE_LIMIT)
                .test_before_acquire(false)
                .idle_timeout(None)
                .max_lifetime(None)
        };
        let write = pool(1).connect_with(options.clone()).await.map_err(open_error)?;

        // sqlx has no migration lock on SQLite: an immediate transaction is one, and makes a start
        // that is killed half way leave nothing behind.
        let mut tx = write.begin_with("BEGIN IMMEDIATE").await.map_err(open_error)?;
        let tables: (i64, i64) = sqlx::query_as(
            "SELECT count(*), coalesce(sum(name = 'schema_versions'), 0) FROM sqlite_master WHERE type = 'table'",
        )
        .fetch_one(&mut *tx)
        .await
        .map_err(open_error)?;
        if tables.0 > 0 && tables.1 == 0 {
            return Err(OpenError::NotOurs { place });
        }
        migrator()
            .run_direct(None, &mut *tx, false)
            .await
            .map_err(|cause| OpenError::Migrate { place: place.clone(), cause })?;
        tx.commit().await.map_err(open_error)?;

        let read = pool(SQLITE_READERS)
            .connect_with(options.pragma("query_only", "on"))
            .await
            .map_err(open_error)?;
        Ok(Self::Sqlite { write, read })
    }

    async fn open_postgres(url: &str) -> Result<Self, OpenError> {
        let options = PgConnectOptions::from_str(url)
            .map_err(|cause| OpenError::Open { place: "DATABASE_URL".into(), cause })?;
        // Never the URL: it has the password.
        let place = format!(
            "{} on {}:{}",
            options.get_database().unwrap_or("postgres"),
            options.get_host(),
            options.get_port()
        );
        let open_error = |cause| OpenError::Open { place: place.clone(), cause };
        // A connection of its own, closed after: a migration that fails would leave its lock with a
        // pooled one, and the next start would wait for ever.
        let mut connection = PgConnection::connect_with(&options).await.map_err(open_error)?;
        let migrated = migrator().run_direct(None, &mut connection, false).await;
        connection.close().await.map_err(open_error)?;
        migrated.map_err(|cause| OpenError::Migrate { place: place.clone(), cause })?;
        let pool = PgPoolOptions::new()
            .max_connections(POSTGRES_CONNECTIONS)
            .acquire_timeout(ACQUIRE_LIMIT)
            // A ping costs a round trip, so only a connection that has been idle gets one.
            .test_before_acquire(false)
            .before_acquire(|connection, meta| {
                Box::pin(async move {
                    if meta.idle_for > Duration::from_secs(1) {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
            .connect_with(options)
            .await
            .map_err(open_error)?;
        Ok(Self::Postgres(pool))
    }

    /// Runs a statement that changes nothing.
    pub async fn read(&self, sql: &'static str, values: &[Value<'_>]) -> Result<Vec<Row>, DbError> {
        let done: Result<Done, DbError> = match self {
            Self::Sqlite { read, .. } => to_end!(read, sql, values, Row::Sqlite),
            Self::Postgres(pool) => to_end!(pool, sql, values, Row::Postgres),
        };
        Ok(done?.rows)
    }

    /// Runs one statement that writes, in a transaction of its own.
    pub async fn write(&self, sql: &'static str, values: &[Value<'_>]) -> Result<Done, DbError> {
        match self {
            Self::Sqlite { write, .. } => to_end!(write, sql, values, Row::Sqlite),
            Self::Postgres(pool) => to_end!(pool, sql, values, Row::Postgres),
        }
    }

    /// Begins a transaction. Dropped without [`Tx::commit`], it is as if it never was.
    pub async fn begin(&self) -> Result<Tx, DbError> {
        Ok(match self {
            // IMMEDIATE: a transaction that first reads and then writes cannot be refused half way.
            Self::Sqlite { write, .. } => Tx::Sqlite(write.begin_with("BEGIN IMMEDIATE").await?),
            Self::Postgres(pool) => Tx::Postgres(pool.begin().await?),
        })
    }

    /// The one of two statements that this database is to run, where one text cannot serve both.
    pub fn pick(&self, sqlite: &'static str, postgres: &'static str) -> &'static str {
        match self {
            Self::Sqlite { .. } => sqlite,
            Self::Postgres(_) => postgres,
        }
    }

    /// Waits for what is under way and closes every connection.
    pub async fn close(&self) {
        match self {
            Self::Sqlite { write, read } => {
                read.close().await;
                write.close().await;
            }
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

/// A transaction.
pub enum Tx {
    Sqlite(sqlx::Transaction<'static, sqlx::Sqlite>),
    Postgres(sqlx::Transaction<'static, sqlx::Postgres>),
}

impl Tx {
    pub async fn run(&mut self, sql: &'static str, values: &[Value<'_>]) -> Result<Done, DbError> {
        match self {
            Self::Sqlite(tx) => to_end!(&mut **tx, sql, values, Row::Sqlite),
            Self::Postgres(tx) => to_end!(&mut **tx, sql, values, Row::Postgres),
        }
    }

    /// As [`Db::pick`].
    pub fn pick(&self, sqlite: &'static str, postgres: &'static str) -> &'static str {
        match self {
            Self::Sqlite(_) => sqlite,
            Self::Postgres(_) => postgres,
        }
    }

    pub async fn commit(self) -> Result<(), DbError> {
        match self {
            Self::Sqlite(tx) => tx.commit().await?,
            Self::Postgres(tx) => tx.commit().await?,
        }
        Ok(())
    }
}

/// The file of a `sqlite://` URL; `None` for any other URL.
pub fn sqlite_path(url: &str) -> Option<PathBuf> {
    let path = url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:"))?;
    Some(PathBuf::from(path.split_once('?').map_or(path, |(path, _)| path)))
}

fn migrator() -> sqlx::migrate::Migrator {
    let migrations = [(1, "first", include_str!("../migrations/0001_first.sql"))];
    let mut migrator = sqlx::migrate::Migrator::with_migrations(
        migrations
            .into_iter()
            .map(|(version, name, sql)| {
                let kind = sqlx::migrate::MigrationType::Simple;
                sqlx::migrate::Migration::new(version, name.into(), kind, sql.into_sql_str(), false)
            })
            .collect(),
    );
    // A name of our own, so that the database of another program that uses sqlx is not taken for ours.
    migrator.dangerous_set_table_name("schema_versions");
    migrator
}
