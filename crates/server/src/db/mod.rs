//! The database: one pool type over SQLite and PostgreSQL, and the only file that knows there are two.
//!
//! A statement is one `&'static str` that both read (`$1` placeholders), with values that are text or
//! 64-bit integers. Every statement is run to the end of its row stream: a stream that is dropped after
//! its first row can say "done" of a write whose commit failed. Knows no table; SQL lives beside the
//! type it loads.

mod error;
mod open;

pub use error::DbError;
pub use open::{OpenError, sqlite_path};

use crate::spent::{Part, measured};
use futures_util::TryStreamExt as _;
use sqlx::postgres::{PgPool, PgRow};
use sqlx::sqlite::{SqlitePool, SqliteRow};
use sqlx::{Either, Row as _};
use std::borrow::Cow;
use std::time::Duration;

/// The longest that one statement may take: a request waits no longer for a database that has gone silent.
const STATEMENT_LIMIT: Duration = Duration::from_secs(5);

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

/// Runs what talks to the database: not for ever, and on the request's account.
async fn limited<T>(work: impl Future<Output = Result<T, DbError>> + Send) -> Result<T, DbError> {
    // In a box: what waits for a statement is copied into each future around it, twice where that is an `async fn`,
    // and a sign-in has many of them.
    let work = Box::pin(work);
    let limited = tokio::time::timeout(STATEMENT_LIMIT, work);
    measured(Part::Database, limited).await.unwrap_or_else(|_| Err(DbError::too_slow()))
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
    /// Runs a statement that changes nothing.
    pub async fn read(&self, sql: &'static str, values: &[Value<'_>]) -> Result<Vec<Row>, DbError> {
        let done: Result<Done, DbError> = limited(async {
            match self {
                Self::Sqlite { read, .. } => to_end!(read, sql, values, Row::Sqlite),
                Self::Postgres(pool) => to_end!(pool, sql, values, Row::Postgres),
            }
        })
        .await;
        Ok(done?.rows)
    }

    /// Runs one statement that writes, in a transaction of its own.
    pub async fn write(&self, sql: &'static str, values: &[Value<'_>]) -> Result<Done, DbError> {
        limited(async {
            match self {
                Self::Sqlite { write, .. } => to_end!(write, sql, values, Row::Sqlite),
                Self::Postgres(pool) => to_end!(pool, sql, values, Row::Postgres),
            }
        })
        .await
    }

    /// Begins a transaction. Dropped without [`Tx::commit`], it is as if it never was.
    pub async fn begin(&self) -> Result<Tx, DbError> {
        limited(async {
            Ok(match self {
                // IMMEDIATE: a transaction that first reads and then writes cannot be refused half way.
                Self::Sqlite { write, .. } => Tx::Sqlite(write.begin_with("BEGIN IMMEDIATE").await?),
                Self::Postgres(pool) => Tx::Postgres(pool.begin().await?),
            })
        })
        .await
    }

    /// The one of two statements that this database is to run, where one text cannot serve both.
    pub fn pick(&self, sqlite: &'static str, postgres: &'static str) -> &'static str {
        match self {
            Self::Sqlite { .. } => sqlite,
            Self::Postgres(_) => postgres,
        }
    }

    /// Connections that are open, and how many of them have nothing to do.
    pub fn connections(&self) -> (usize, usize) {
        match self {
            Self::Sqlite { write, read } => (
                usize::try_from(write.size() + read.size()).unwrap_or_default(),
                write.num_idle() + read.num_idle(),
            ),
            Self::Postgres(pool) => (usize::try_from(pool.size()).unwrap_or_default(), pool.num_idle()),
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
        limited(async {
            match self {
                Self::Sqlite(tx) => to_end!(&mut **tx, sql, values, Row::Sqlite),
                Self::Postgres(tx) => to_end!(&mut **tx, sql, values, Row::Postgres),
            }
        })
        .await
    }

    /// As [`Db::pick`].
    pub fn pick(&self, sqlite: &'static str, postgres: &'static str) -> &'static str {
        match self {
            Self::Sqlite(_) => sqlite,
            Self::Postgres(_) => postgres,
        }
    }

    pub async fn commit(self) -> Result<(), DbError> {
        limited(async {
            match self {
                Self::Sqlite(tx) => tx.commit().await?,
                Self::Postgres(tx) => tx.commit().await?,
            }
            Ok(())
        })
        .await
    }
}
