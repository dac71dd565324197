//! The database: one pool type over SQLite and PostgreSQL, and the only file that knows there are two.
//!
//! A statement is one `&'static str` that both read (`$1` placeholders), with values that are text or
//! 64-bit integers. Every statement is run to the end of its row stream: a stream that is dropped after
//! its first row can say "done" of a write whose commit failed. Knows no table; SQL lives beside the
//! type it loads.

mod connect;
mod error;
mod inspect;
mod pool;

pub use connect::{OpenError, sqlite_path};
pub use error::DbError;

use crate::telemetry::request_timing::{Phase, timed};
use futures_util::TryStreamExt as _;
use pool::{Pool, PooledConnection};
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, Either, Row as _};
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

/// The longest that one statement may take: a request waits no longer for a database that has gone silent.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(5);

/// The values of a statement that takes none.
const NONE: &[Param<'static>] = &[];

/// A value bound to a placeholder.
#[derive(Debug, Clone)]
pub enum Param<'a> {
    Text(Cow<'a, str>),
    Int(i64),
}

impl<'a> From<&'a str> for Param<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl<'a> From<&'a String> for Param<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Param<'_> {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl From<i64> for Param<'_> {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

/// The values of a statement: `values![user_id, now]`.
#[macro_export]
macro_rules! values {
    ($($value:expr),* $(,)?) => { &[$($crate::db::Param::from($value)),*] };
}

/// Many rows as one value, which a statement takes apart again: a JSON array.
pub fn json_array<T: serde::Serialize>(rows: impl IntoIterator<Item = T>) -> Param<'static> {
    serde_json::Value::from_iter(rows.into_iter().map(|row| serde_json::json!(row))).to_string().into()
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
pub struct QueryResult {
    pub rows: Vec<Row>,
    /// Rows written, by the last statement where there are several in one text.
    pub affected: u64,
}

/// Runs what talks to the database: not for ever, and on the request's account.
async fn with_timeout<T>(work: impl Future<Output = Result<T, DbError>> + Send) -> Result<T, DbError> {
    // In a box: what waits for a statement is copied into each future around it, twice where that is an `async fn`,
    // and a sign-in has many of them.
    let work = Box::pin(work);
    let limited = tokio::time::timeout(STATEMENT_TIMEOUT, work);
    timed(Phase::Database, limited).await.unwrap_or_else(|_| Err(DbError::too_slow()))
}

/// Runs a statement on a lease's connection, and reads its stream to the end.
macro_rules! to_end {
    ($lease:expr, $sql:expr, $values:expr, $row:path) => {{
        let lease = $lease;
        let mut query = sqlx::query($sql);
        for value in $values {
            query = match value {
                Param::Text(text) => query.bind(text.to_string()),
                Param::Int(number) => query.bind(*number),
            };
        }
        let connection = lease.connection()?;
        let read = async {
            let mut done = QueryResult { rows: Vec::new(), affected: 0 };
            let mut stream = sqlx::Executor::fetch_many(connection, query);
            while let Some(item) = stream.try_next().await? {
                match item {
                    Either::Left(result) => done.affected = result.rows_affected(),
                    Either::Right(row) => done.rows.push($row(row)),
                }
            }
            Ok(done)
        };
        let read = read.await;
        lease.record_result(read)
    }};
}

/// The database. Cheap to clone.
#[derive(Clone)]
pub enum Db {
    Sqlite { write: Arc<Pool<SqliteConnection>>, read: Arc<Pool<SqliteConnection>> },
    Postgres(Arc<Pool<PgConnection>>),
}

impl Db {
    /// Runs a statement that changes nothing.
    pub async fn read(&self, sql: &'static str, values: &[Param<'_>]) -> Result<Vec<Row>, DbError> {
        let done: Result<QueryResult, DbError> = with_timeout(async {
            match self {
                Self::Sqlite { read, .. } => to_end!(&mut read.acquire().await?, sql, values, Row::Sqlite),
                Self::Postgres(pool) => to_end!(&mut pool.acquire().await?, sql, values, Row::Postgres),
            }
        })
        .await;
        Ok(done?.rows)
    }

    /// Runs one statement that writes, in a transaction of its own.
    pub async fn write(&self, sql: &'static str, values: &[Param<'_>]) -> Result<QueryResult, DbError> {
        with_timeout(async {
            match self {
                Self::Sqlite { write, .. } => to_end!(&mut write.acquire().await?, sql, values, Row::Sqlite),
                Self::Postgres(pool) => to_end!(&mut pool.acquire().await?, sql, values, Row::Postgres),
            }
        })
        .await
    }

    /// Begins a transaction. Dropped without [`Tx::commit`], it is as if it never was.
    pub async fn begin(&self) -> Result<Tx, DbError> {
        with_timeout(async {
            Ok(match self {
                Self::Sqlite { write, .. } => Tx::Sqlite(write.acquire().await?),
                Self::Postgres(pool) => Tx::Postgres(pool.acquire().await?),
            })
        })
        .await
    }

    /// The one of two statements that this database is to run, where one text cannot serve both.
    pub fn dialect(&self, sqlite: &'static str, postgres: &'static str) -> &'static str {
        match self {
            Self::Sqlite { .. } => sqlite,
            Self::Postgres(_) => postgres,
        }
    }

    /// Connections that are open, and how many of them have nothing to do.
    pub fn connections(&self) -> (usize, usize) {
        match self {
            Self::Sqlite { write, read } => {
                let (write, read) = (write.count(), read.count());
                (write.0 + read.0, write.1 + read.1)
            }
            Self::Postgres(pool) => pool.count(),
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

/// A transaction. It begins with its first statement, and one that is alone needs none around it: the way to the
/// database and back costs more than most statements.
pub enum Tx {
    Sqlite(PooledConnection<SqliteConnection>),
    Postgres(PooledConnection<PgConnection>),
}

impl Tx {
    pub async fn run(&mut self, sql: &'static str, values: &[Param<'_>]) -> Result<QueryResult, DbError> {
        with_timeout(async {
            match self {
                Self::Sqlite(lease) if lease.is_in_transaction => {
                    to_end!(lease, sql, values, Row::Sqlite)
                }
                Self::Sqlite(lease) => {
                    lease.is_in_transaction = true;
                    // IMMEDIATE: a transaction that first reads and then writes cannot be refused half way.
                    let sql = AssertSqlSafe(format!("BEGIN IMMEDIATE; {sql}"));
                    to_end!(lease, sql, values, Row::Sqlite)
                }
                Self::Postgres(lease) => {
                    if !lease.is_in_transaction {
                        to_end!(&mut *lease, "BEGIN", NONE, Row::Postgres)?;
                        lease.is_in_transaction = true;
                    }
                    to_end!(lease, sql, values, Row::Postgres)
                }
            }
        })
        .await
    }

    /// Runs a last statement and commits; where it is the only one, or on SQLite, in one visit. On SQLite it may be
    /// several statements in one text, of one set of values.
    pub async fn run_and_commit(
        mut self,
        sql: &'static str,
        values: &[Param<'_>],
    ) -> Result<QueryResult, DbError> {
        let done = match &mut self {
            Self::Sqlite(lease) => {
                let begin = if lease.is_in_transaction { "" } else { "BEGIN IMMEDIATE; " };
                lease.is_in_transaction = true;
                let sql = AssertSqlSafe(format!("{begin}{sql}; COMMIT"));
                let done: Result<QueryResult, DbError> =
                    with_timeout(async { to_end!(&mut *lease, sql, values, Row::Sqlite) }).await;
                let done = done?;
                lease.is_in_transaction = false;
                done
            }
            Self::Postgres(lease) if !lease.is_in_transaction => {
                with_timeout(async { to_end!(lease, sql, values, Row::Postgres) }).await?
            }
            Self::Postgres(_) => {
                let done = self.run(sql, values).await?;
                self.commit().await?;
                done
            }
        };
        Ok(done)
    }

    /// As [`Db::pick`].
    pub fn pick(&self, sqlite: &'static str, postgres: &'static str) -> &'static str {
        match self {
            Self::Sqlite(_) => sqlite,
            Self::Postgres(_) => postgres,
        }
    }

    pub async fn commit(self) -> Result<(), DbError> {
        with_timeout(self.commit_without_timeout()).await
    }

    /// [`Tx::commit`] of so much that it may take longer than any request would wait: all of it is written now.
    pub async fn commit_without_timeout(mut self) -> Result<(), DbError> {
        match &mut self {
            Self::Sqlite(lease) if lease.is_in_transaction => {
                to_end!(&mut *lease, "COMMIT", NONE, Row::Sqlite)?;
                lease.is_in_transaction = false;
            }
            Self::Postgres(lease) if lease.is_in_transaction => {
                to_end!(&mut *lease, "COMMIT", NONE, Row::Postgres)?;
                lease.is_in_transaction = false;
            }
            // Nothing was done.
            Self::Sqlite(_) | Self::Postgres(_) => {}
        }
        Ok(())
    }
}
