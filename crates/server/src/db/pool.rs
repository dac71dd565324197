//! The connection pool: `deadpool` with the server's own rules for reusing a connection.
//!
//! A connection goes back to the pool if its last statement was read to the end and the failure, if any,
//! was the statement's own. In every other case it is closed. sqlx's pool instead pings each connection on
//! release, which costs a second visit to SQLite's thread or a round trip to PostgreSQL
//! (docs/adr/0007-connection-pool-with-deadpool.md).

use super::error::{DbError, is_serialization_failure};
use deadpool::Runtime;
use deadpool::managed::{
    self, Manager, Metrics, Object, PoolError, QueueMode, RecycleError, RecycleResult, TimeoutType, Timeouts,
};
use futures_util::future::BoxFuture;
use sqlx::{ConnectOptions as _, Connection};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Time that a request waits for a free connection, or for a new one.
pub const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);
/// Time that an idle connection has to answer a ping.
const PING_TIMEOUT: Duration = Duration::from_secs(1);
/// Time that the rollback of an abandoned transaction may take.
const ROLLBACK_TIMEOUT: Duration = Duration::from_secs(5);

/// A statement that the pool itself runs on a connection.
pub type Hook<C> = for<'a> fn(&'a mut C) -> BoxFuture<'a, Result<(), sqlx::Error>>;

/// The parts of the pool that depend on the kind of database.
pub struct ConnectionHooks<C> {
    /// Rolls back the open transaction.
    pub rollback: Hook<C>,
    /// A connection that was idle for longer gets a ping before it is used, because its server may be gone.
    /// `None` for a database without a server.
    pub ping_after_idle: Option<Duration>,
}

struct ConnectionManager<C: Connection> {
    options: C::Options,
    hooks: ConnectionHooks<C>,
    /// Raised when one connection turns out to be broken: the idle ones are then probably broken too.
    generation: AtomicUsize,
}

struct Generational<C> {
    connection: C,
    generation: usize,
}

impl<C: Connection + 'static> ConnectionManager<C> {
    fn generation(&self) -> usize {
        self.generation.load(Ordering::Relaxed)
    }

    fn discard_idle(&self) {
        self.generation.fetch_add(1, Ordering::Relaxed);
    }
}

impl<C: Connection + 'static> Manager for ConnectionManager<C> {
    type Type = Generational<C>;
    type Error = sqlx::Error;

    async fn create(&self) -> Result<Generational<C>, sqlx::Error> {
        let generation = self.generation();
        let connection = self.options.connect().await?;
        Ok(Generational { connection, generation })
    }

    async fn recycle(&self, idle: &mut Generational<C>, metrics: &Metrics) -> RecycleResult<sqlx::Error> {
        if idle.generation != self.generation() {
            return Err(RecycleError::message("another connection was broken"));
        }
        if self.hooks.ping_after_idle.is_none_or(|limit| metrics.last_used() <= limit) {
            return Ok(());
        }
        let ping = tokio::time::timeout(PING_TIMEOUT, idle.connection.ping()).await;
        if matches!(ping, Ok(Ok(()))) {
            return Ok(());
        }
        self.discard_idle();
        Err(RecycleError::message("no answer to a ping"))
    }
}

/// A pool of connections, which are opened when they are first needed. Waiting requests are served in order.
pub struct Pool<C: Connection + 'static>(managed::Pool<ConnectionManager<C>>);

impl<C: Connection + 'static> Pool<C> {
    pub fn new(options: C::Options, size: usize, hooks: ConnectionHooks<C>) -> Self {
        let manager = ConnectionManager { options, hooks, generation: AtomicUsize::new(0) };
        let pool = managed::Pool::builder(manager)
            .max_size(size)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(ACQUIRE_TIMEOUT))
            .create_timeout(Some(ACQUIRE_TIMEOUT))
            .queue_mode(QueueMode::Lifo)
            .build();
        // `build` fails only for timeouts without a runtime.
        match pool {
            Ok(pool) => Self(pool),
            Err(error) => unreachable!("{error}"),
        }
    }

    pub async fn acquire(&self) -> Result<PooledConnection<C>, sqlx::Error> {
        // Most requests find a free connection. The first attempt does not wait, so it needs no timer.
        let without_wait = Timeouts { wait: Some(Duration::ZERO), ..self.0.timeouts() };
        let object = match self.0.timeout_get(&without_wait).await {
            Err(PoolError::Timeout(TimeoutType::Wait)) => self.0.get().await,
            result => result,
        };
        let object = object.map_err(|error| match error {
            PoolError::Backend(cause) => cause,
            PoolError::Timeout(_) => sqlx::Error::PoolTimedOut,
            PoolError::Closed | PoolError::NoRuntimeSpecified | PoolError::PostCreateHook(_) => {
                sqlx::Error::PoolClosed
            }
        })?;
        Ok(PooledConnection { object: Some(object), is_intact: true, is_in_transaction: false })
    }

    /// Returns the number of open connections, and how many of them are idle.
    pub fn counts(&self) -> (usize, usize) {
        let status = self.0.status();
        (status.size, status.available)
    }

    /// Closes the idle connections; one that is in use is closed when it is released.
    pub async fn close(&self) {
        let idle = self.0.retain(|_, _| false).removed;
        self.0.close();
        for idle in idle {
            // The database does not depend on it: an error is of no use to the caller.
            let _ = idle.connection.close().await;
        }
    }
}

/// A connection in use. Dropping it returns it to the pool or closes it.
pub struct PooledConnection<C: Connection + 'static> {
    object: Option<Object<ConnectionManager<C>>>,
    /// The last statement was read to the end. A statement that was cancelled leaves an unknown state.
    is_intact: bool,
    /// Set by the statement that begins a transaction, cleared by the one that ends it.
    pub is_in_transaction: bool,
}

impl<C: Connection + 'static> PooledConnection<C> {
    /// Returns the connection for one statement. Pass the statement's result to [`Self::record_result`].
    pub fn connection(&mut self) -> Result<&mut C, sqlx::Error> {
        self.is_intact = false;
        self.object.as_mut().map(|object| &mut object.connection).ok_or(sqlx::Error::PoolClosed)
    }

    /// Records the result of a statement that was read to the end, and returns it.
    pub fn record_result<T>(&mut self, result: Result<T, sqlx::Error>) -> Result<T, DbError> {
        let is_serialization_failure = result.as_ref().is_err_and(is_serialization_failure);
        let result = result.map_err(DbError::from);
        match &result {
            Err(DbError::Unavailable(_)) if !is_serialization_failure => {
                if let Some(pool) = self.object.as_ref().and_then(Object::pool) {
                    pool.manager().discard_idle();
                }
            }
            _ => self.is_intact = true,
        }
        result
    }
}

impl<C: Connection + 'static> Drop for PooledConnection<C> {
    fn drop(&mut self) {
        let Some(object) = self.object.take() else { return };
        if !self.is_intact {
            close(object);
        } else if self.is_in_transaction {
            match tokio::runtime::Handle::try_current() {
                Ok(runtime) => drop(runtime.spawn(roll_back(object))),
                Err(_) => close(object),
            }
        }
    }
}

fn close<C: Connection + 'static>(object: Object<ConnectionManager<C>>) {
    drop(Object::take(object));
}

/// Rolls back an abandoned transaction in the background, before the connection is used again.
async fn roll_back<C: Connection + 'static>(mut object: Object<ConnectionManager<C>>) {
    let Some(pool) = Object::pool(&object) else { return };
    let rollback = (pool.manager().hooks.rollback)(&mut object.connection);
    if !matches!(tokio::time::timeout(ROLLBACK_TIMEOUT, rollback).await, Ok(Ok(()))) {
        close(object);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sqlx::Executor as _;
    use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

    fn pool(size: usize) -> (Pool<SqliteConnection>, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let options =
            SqliteConnectOptions::new().filename(folder.path().join("test.db")).create_if_missing(true);
        let rollback: Hook<SqliteConnection> =
            |connection| Box::pin(async { connection.execute("ROLLBACK").await.map(drop) });
        let hooks = ConnectionHooks { rollback, ping_after_idle: None };
        (Pool::new(options, size, hooks), folder)
    }

    async fn run(
        connection: &mut PooledConnection<SqliteConnection>,
        sql: &'static str,
    ) -> Result<i64, DbError> {
        let rows = sqlx::query_as::<_, (i64,)>(sql).fetch_all(connection.connection().unwrap()).await;
        connection.record_result(rows.map(|rows| rows.first().map_or(0, |(first,)| *first)))
    }

    #[tokio::test]
    async fn dropped_transaction_is_rolled_back_before_reuse() {
        let (pool, _folder) = pool(1);
        let mut connection = pool.acquire().await.unwrap();
        run(&mut connection, "CREATE TABLE t (x); CREATE TEMP TABLE here (x)").await.unwrap();
        connection.is_in_transaction = true;
        run(&mut connection, "BEGIN; INSERT INTO t VALUES (1)").await.unwrap();
        drop(connection);
        let mut connection = pool.acquire().await.unwrap();
        assert_eq!(run(&mut connection, "SELECT count(*) FROM t").await.unwrap(), 0);
        assert!(run(&mut connection, "SELECT count(*) FROM here").await.is_ok(), "it is the same connection");
    }

    #[tokio::test]
    async fn connection_with_a_cancelled_statement_is_closed() {
        let (pool, _folder) = pool(1);
        let mut connection = pool.acquire().await.unwrap();
        run(&mut connection, "CREATE TABLE t (x); CREATE TEMP TABLE here (x)").await.unwrap();
        let long = "BEGIN; INSERT INTO t VALUES (1);
                    WITH RECURSIVE n (x) AS (VALUES (1) UNION ALL SELECT x + 1 FROM n WHERE x < 3000000)
                    SELECT count(*) FROM n";
        assert!(tokio::time::timeout(Duration::ZERO, run(&mut connection, long)).await.is_err());
        drop(connection);
        assert_eq!(pool.counts(), (0, 0));
        let mut connection = pool.acquire().await.unwrap();
        assert_eq!(run(&mut connection, "SELECT count(*) FROM t").await.unwrap(), 0);
        assert!(run(&mut connection, "SELECT count(*) FROM here").await.is_err(), "it is another connection");
    }

    #[tokio::test]
    async fn failed_statement_keeps_its_connection() {
        let (pool, _folder) = pool(1);
        let mut connection = pool.acquire().await.unwrap();
        assert!(matches!(run(&mut connection, "SELECT nothing").await, Err(DbError::Failed(_))));
        drop(connection);
        assert_eq!(pool.counts(), (1, 1));
    }

    #[tokio::test]
    async fn broken_connection_discards_the_idle_ones() {
        let (pool, _folder) = pool(2);
        let (mut broken, mut idle) = (pool.acquire().await.unwrap(), pool.acquire().await.unwrap());
        run(&mut idle, "CREATE TEMP TABLE here (x)").await.unwrap();
        drop(idle);
        broken.connection().unwrap();
        assert!(broken.record_result::<()>(Err(sqlx::Error::WorkerCrashed)).is_err());
        drop(broken);
        let mut next = pool.acquire().await.unwrap();
        assert!(run(&mut next, "SELECT count(*) FROM here").await.is_err(), "it is a new connection");
        assert_eq!(pool.counts(), (1, 0));
    }

    #[tokio::test]
    async fn pool_at_its_limit_hands_a_released_connection_on() {
        let (pool, _folder) = pool(2);
        let (one, two) = (pool.acquire().await.unwrap(), pool.acquire().await.unwrap());
        let mut third = Box::pin(pool.acquire());
        assert!(tokio::time::timeout(Duration::ZERO, &mut third).await.is_err());
        assert_eq!(pool.counts().0, 2);
        drop(one);
        let _third = third.await.unwrap();
        assert_eq!(pool.counts(), (2, 0));
        drop(two);
        assert_eq!(pool.counts(), (2, 1));
    }
}
