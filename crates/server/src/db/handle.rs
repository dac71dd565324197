//! Handles of a database and of a transaction, which run statements.

use super::error::DbError;
use super::param::Param;
use super::pool::{Pool, PooledConnection};
use super::postgres::Link;
use crate::telemetry::request_timing::{Phase, timed};
use futures_util::TryStreamExt as _;
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, Either, Executor as _};
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

/// Time that one statement may take, the wait for a connection included.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(5);

/// A type that loads from a row of either database: one with `#[derive(sqlx::FromRow)]`.
pub trait FromDbRow:
    for<'r> sqlx::FromRow<'r, SqliteRow> + for<'r> sqlx::FromRow<'r, PgRow> + Send + Unpin
{
}

impl<T> FromDbRow for T where
    T: for<'r> sqlx::FromRow<'r, SqliteRow> + for<'r> sqlx::FromRow<'r, PgRow> + Send + Unpin
{
}

/// The parameters of a statement without any.
const NO_PARAMS: &[Param<'static>] = &[];

struct QueryResult<T> {
    rows: Vec<T>,
    /// Rows written, by the last statement if the text has several.
    affected: u64,
}

/// Decides between the connections of SQLite.
#[derive(Clone, Copy)]
enum Access {
    Read,
    Write,
}

/// Runs a database operation with a timeout, and adds its duration to the request's database time.
async fn with_timeout<T>(work: impl Future<Output = Result<T, DbError>> + Send) -> Result<T, DbError> {
    // Boxed: the state of a statement would otherwise be copied into each future around it, and a login has
    // many of them.
    let work = tokio::time::timeout(STATEMENT_TIMEOUT, Box::pin(work));
    timed(Phase::Database, work).await.unwrap_or_else(|_| Err(DbError::timeout(STATEMENT_TIMEOUT)))
}

/// Runs a statement on a pooled connection, and reads its stream to the end. A prepared statement is parsed once for the
/// session.
macro_rules! run_statement {
    ($connection:expr, $sql:expr, $params:expr, $row:ty, $is_prepared:expr) => {{
        let connection: &mut PooledConnection<_> = $connection;
        let mut query = sqlx::query($sql).persistent($is_prepared);
        for param in $params {
            query = match param {
                Param::Text(text) => query.bind(text.clone().map(Cow::into_owned)),
                Param::Int(number) => query.bind(*number),
            };
        }
        let inner = connection.connection()?;
        let read = async {
            let (mut rows, mut affected) = (Vec::new(), 0);
            let mut stream = inner.fetch_many(query);
            while let Some(item) = stream.try_next().await? {
                match item {
                    Either::Left(result) => affected = result.rows_affected(),
                    Either::Right(row) => rows.push(<$row as sqlx::FromRow<_>>::from_row(&row)),
                }
            }
            Ok((rows, affected))
        };
        let read = read.await;
        let (rows, affected) = connection.record_result(read)?;
        let rows = rows.into_iter().collect::<Result<Vec<_>, sqlx::Error>>()?;
        Ok(QueryResult { rows, affected })
    }};
}

/// The database. Cheap to clone.
#[derive(Clone)]
pub enum Db {
    /// SQLite has one writer at a time, so writes have their own connection.
    Sqlite {
        write: Arc<Pool<SqliteConnection>>,
        read: Arc<Pool<SqliteConnection>>,
    },
    Postgres {
        pool: Arc<Pool<PgConnection>>,
        link: Link,
    },
}

impl Db {
    /// Runs a statement that only reads, and returns its rows.
    pub async fn fetch_all<T: FromDbRow>(
        &self,
        sql: &'static str,
        params: &[Param<'_>],
    ) -> Result<Vec<T>, DbError> {
        Ok(self.run(Access::Read, sql, params).await?.rows)
    }

    /// Like [`Db::fetch_all`], and returns the first row.
    pub async fn fetch_optional<T: FromDbRow>(
        &self,
        sql: &'static str,
        params: &[Param<'_>],
    ) -> Result<Option<T>, DbError> {
        Ok(self.fetch_all(sql, params).await?.into_iter().next())
    }

    /// Runs a statement that writes, in its own transaction, and returns the number of rows written.
    pub async fn execute(&self, sql: &'static str, params: &[Param<'_>]) -> Result<u64, DbError> {
        Ok(self.run::<()>(Access::Write, sql, params).await?.affected)
    }

    /// Like [`Db::execute`], and returns the rows of the statement's RETURNING clause.
    pub async fn execute_returning<T: FromDbRow>(
        &self,
        sql: &'static str,
        params: &[Param<'_>],
    ) -> Result<Vec<T>, DbError> {
        Ok(self.run(Access::Write, sql, params).await?.rows)
    }

    /// Runs a statement in its own transaction.
    async fn run<T: FromDbRow>(
        &self,
        access: Access,
        sql: &'static str,
        params: &[Param<'_>],
    ) -> Result<QueryResult<T>, DbError> {
        with_timeout(async {
            match (self, access) {
                (Self::Sqlite { read: pool, .. }, Access::Read)
                | (Self::Sqlite { write: pool, .. }, Access::Write) => {
                    run_statement!(&mut pool.acquire().await?, sql, params, T, true)
                }
                (Self::Postgres { pool, link: Link::Direct }, _) => {
                    run_statement!(&mut pool.acquire().await?, sql, params, T, true)
                }
                (Self::Postgres { pool, link: Link::Pooled }, _) => {
                    let connection = pool.acquire().await?;
                    let mut tx = Tx::Postgres { connection, link: Link::Pooled };
                    let result = tx.run_without_timeout(sql, params).await?;
                    tx.commit_without_timeout().await?;
                    Ok(result)
                }
            }
        })
        .await
    }

    /// Begins a transaction. It is rolled back if it is dropped without [`Tx::commit`].
    pub async fn begin(&self) -> Result<Tx, DbError> {
        with_timeout(async {
            Ok(match self {
                Self::Sqlite { write, .. } => Tx::Sqlite(write.acquire().await?),
                Self::Postgres { pool, link } => {
                    Tx::Postgres { connection: pool.acquire().await?, link: *link }
                }
            })
        })
        .await
    }

    /// Returns the statement for this kind of database, where one text cannot serve both.
    pub fn dialect(&self, sqlite: &'static str, postgres: &'static str) -> &'static str {
        match self {
            Self::Sqlite { .. } => sqlite,
            Self::Postgres { .. } => postgres,
        }
    }

    /// Checks that the database responds and, on PostgreSQL, that it accepts writes: after a fail-over, open connections
    /// may still lead to the old primary, which is read-only now. On SQLite the writer may be busy with a long import,
    /// while reads are served, so only a read is checked.
    pub async fn check(&self) -> Result<(), DbError> {
        let sql = self.dialect("SELECT 1", "UPDATE users SET name = name WHERE FALSE");
        self.fetch_all::<()>(sql, NO_PARAMS).await.map(drop)
    }

    /// Returns the number of open connections, and how many of them are idle.
    pub fn connections(&self) -> (usize, usize) {
        match self {
            Self::Sqlite { write, read } => {
                let (write, read) = (write.counts(), read.counts());
                (write.0 + read.0, write.1 + read.1)
            }
            Self::Postgres { pool, .. } => pool.counts(),
        }
    }

    /// Closes the connections.
    pub async fn close(&self) {
        match self {
            Self::Sqlite { write, read } => {
                read.close().await;
                write.close().await;
            }
            Self::Postgres { pool, .. } => pool.close().await,
        }
    }
}

/// Runs a statement without parameters and rows, which begins or ends a transaction.
async fn control_transaction(
    connection: &mut PooledConnection<PgConnection>,
    sql: &'static str,
) -> Result<(), DbError> {
    // Not prepared: behind a pooler, a prepared BEGIN could be executed in another session.
    let result = connection.connection()?.execute(sql).await;
    connection.record_result(result).map(drop)
}

/// A transaction. On SQLite, BEGIN is sent together with the first statement, which saves a visit to the
/// connection's thread.
pub enum Tx {
    Sqlite(PooledConnection<SqliteConnection>),
    Postgres { connection: PooledConnection<PgConnection>, link: Link },
}

impl Tx {
    /// Runs a statement, and returns its rows.
    pub async fn fetch_all<T: FromDbRow>(
        &mut self,
        sql: &'static str,
        params: &[Param<'_>],
    ) -> Result<Vec<T>, DbError> {
        Ok(self.run(sql, params).await?.rows)
    }

    /// Like [`Tx::fetch_all`], and returns the first row.
    pub async fn fetch_optional<T: FromDbRow>(
        &mut self,
        sql: &'static str,
        params: &[Param<'_>],
    ) -> Result<Option<T>, DbError> {
        Ok(self.run(sql, params).await?.rows.into_iter().next())
    }

    /// Runs a statement, and returns whether it has any row.
    pub async fn exists(&mut self, sql: &'static str, params: &[Param<'_>]) -> Result<bool, DbError> {
        Ok(!self.run::<()>(sql, params).await?.rows.is_empty())
    }

    /// Runs a statement, and returns the number of rows written.
    pub async fn execute(&mut self, sql: &'static str, params: &[Param<'_>]) -> Result<u64, DbError> {
        Ok(self.run::<()>(sql, params).await?.affected)
    }

    async fn run<T: FromDbRow>(
        &mut self,
        sql: &'static str,
        params: &[Param<'_>],
    ) -> Result<QueryResult<T>, DbError> {
        with_timeout(self.run_without_timeout(sql, params)).await
    }

    async fn run_without_timeout<T: FromDbRow>(
        &mut self,
        sql: &'static str,
        params: &[Param<'_>],
    ) -> Result<QueryResult<T>, DbError> {
        match self {
            Self::Sqlite(connection) if connection.is_in_transaction => {
                run_statement!(connection, sql, params, T, true)
            }
            Self::Sqlite(connection) => {
                connection.is_in_transaction = true;
                // IMMEDIATE: a transaction that reads before it writes cannot fail halfway with "busy".
                let sql = AssertSqlSafe(format!("BEGIN IMMEDIATE; {sql}"));
                run_statement!(connection, sql, params, T, true)
            }
            Self::Postgres { connection, link } => {
                if !connection.is_in_transaction {
                    connection.is_in_transaction = true;
                    control_transaction(connection, link.begin()).await?;
                }
                run_statement!(connection, sql, params, T, *link == Link::Direct)
            }
        }
    }

    /// Like [`Db::dialect`].
    pub fn dialect(&self, sqlite: &'static str, postgres: &'static str) -> &'static str {
        match self {
            Self::Sqlite(_) => sqlite,
            Self::Postgres { .. } => postgres,
        }
    }

    pub async fn commit(self) -> Result<(), DbError> {
        with_timeout(self.commit_without_timeout()).await
    }

    /// Commits a transaction whose size exceeds what [`Tx::commit`] has time for, like an import.
    pub async fn commit_without_timeout(mut self) -> Result<(), DbError> {
        match &mut self {
            Self::Sqlite(connection) if connection.is_in_transaction => {
                let done: Result<QueryResult<()>, DbError> =
                    run_statement!(connection, "COMMIT", NO_PARAMS, (), true);
                done?;
                connection.is_in_transaction = false;
            }
            Self::Postgres { connection, .. } if connection.is_in_transaction => {
                control_transaction(connection, "COMMIT").await?;
                connection.is_in_transaction = false;
            }
            // No statement ran.
            Self::Sqlite(_) | Self::Postgres { .. } => {}
        }
        Ok(())
    }
}
