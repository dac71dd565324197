//! A pool of connections, handed out in order of arrival.
//!
//! sqlx has one too, but asks each connection whether it lives before it takes it back. On SQLite that is another
//! visit to the connection's thread, as dear as the statement before it, and on PostgreSQL a round trip. Here a
//! connection is kept when its last statement was read to its end and went well, or failed for what it was;
//! and closed in any other case.

use super::error::{DbError, is_serialization_failure};
use futures_util::future::BoxFuture;
use sqlx::{ConnectOptions as _, Connection};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long a request waits for a connection before it is told to come back.
pub const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);
/// How long an idle connection may take to say that it is alive: a round trip, and a second for the worst.
const PING_TIMEOUT: Duration = Duration::from_secs(1);
/// How long a connection may take to undo what was left on it.
const ROLLBACK_TIMEOUT: Duration = Duration::from_secs(5);

/// Something that is done on a connection by itself.
pub type Step<C> = for<'a> fn(&'a mut C) -> BoxFuture<'a, Result<(), sqlx::Error>>;

/// How connections of one kind of database are kept.
pub struct ConnectionHooks<C> {
    /// What each is told when it is opened.
    pub after_connect: Option<Step<C>>,
    /// Undoes the open transaction.
    pub rollback: Step<C>,
    /// A connection that was idle for longer is asked whether it lives: its other end may have vanished. `None`: it
    /// has no other end.
    pub ping_after: Option<Duration>,
}

/// The pool.
pub struct Pool<C: Connection + 'static> {
    options: C::Options,
    size: usize,
    habits: ConnectionHooks<C>,
    /// What nobody uses, and since when; the last used is the next to be used.
    free: Mutex<Vec<(C, Instant)>>,
    open: AtomicUsize,
    turns: Arc<Semaphore>,
}

impl<C: Connection + 'static> Pool<C> {
    /// A pool of at most `size` connections, each of which is opened when it is first needed.
    pub fn new(options: C::Options, size: usize, habits: ConnectionHooks<C>) -> Arc<Self> {
        let (free, open) = (Mutex::default(), AtomicUsize::new(0));
        let turns = Arc::new(Semaphore::new(size));
        Arc::new(Self { options, size, habits, free, open, turns })
    }

    /// A connection, once it is this caller's turn. It goes back when it is dropped.
    pub async fn acquire(self: &Arc<Self>) -> Result<PooledConnection<C>, sqlx::Error> {
        let turns = Arc::clone(&self.turns);
        let turn = match Arc::clone(&turns).try_acquire_owned() {
            Ok(turn) => turn,
            Err(_) => tokio::time::timeout(ACQUIRE_TIMEOUT, turns.acquire_owned())
                .await
                .map_err(|_| sqlx::Error::PoolTimedOut)?
                .map_err(|_| sqlx::Error::PoolClosed)?,
        };
        let mut lease = PooledConnection {
            connection: None,
            pool: Arc::clone(self),
            turn: Some(turn),
            // Not before it has answered: a caller who waits no longer must not give back one that is dead.
            is_whole: false,
            is_in_transaction: false,
        };
        if let Some((connection, since)) = self.take() {
            let connection = lease.connection.insert(connection);
            if self.habits.ping_after.is_none_or(|limit| since.elapsed() <= limit)
                || matches!(tokio::time::timeout(PING_TIMEOUT, connection.ping()).await, Ok(Ok(())))
            {
                lease.is_whole = true;
                return Ok(lease);
            }
            lease.close();
            self.close_free();
        }
        let connected = tokio::time::timeout(ACQUIRE_TIMEOUT, self.connect()).await;
        lease.connection = Some(connected.map_err(|_| sqlx::Error::PoolTimedOut)??);
        lease.is_whole = true;
        self.open.fetch_add(1, Ordering::Relaxed);
        Ok(lease)
    }

    async fn connect(&self) -> Result<C, sqlx::Error> {
        let mut connection = self.options.connect().await?;
        if let Some(greet) = self.habits.after_connect {
            greet(&mut connection).await?;
        }
        Ok(connection)
    }

    /// Takes in a connection that is open already.
    pub fn put(&self, connection: C) {
        self.open.fetch_add(1, Ordering::Relaxed);
        self.free().push((connection, Instant::now()));
    }

    /// Connections that are open, and how many of them have nothing to do.
    pub fn count(&self) -> (usize, usize) {
        (self.open.load(Ordering::Relaxed), self.free().len())
    }

    /// Waits for what is under way and closes every connection.
    pub async fn close(&self) {
        let all = u32::try_from(self.size).unwrap_or(u32::MAX);
        let _all = self.turns.acquire_many(all).await;
        self.turns.close();
        let free = std::mem::take(&mut *self.free());
        for (connection, _) in free {
            // The database does not care, and nobody else is left who might.
            let _ = connection.close().await;
        }
    }

    /// Closes what nobody uses: where one connection is in trouble the others most likely are.
    fn close_free(&self) {
        let others = std::mem::take(&mut *self.free());
        self.open.fetch_sub(others.len(), Ordering::Relaxed);
    }

    fn take(&self) -> Option<(C, Instant)> {
        self.free().pop()
    }

    /// Never held across an await.
    fn free(&self) -> std::sync::MutexGuard<'_, Vec<(C, Instant)>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection, for as long as somebody uses it.
pub struct PooledConnection<C: Connection + 'static> {
    connection: Option<C>,
    pool: Arc<Pool<C>>,
    turn: Option<OwnedSemaphorePermit>,
    /// The last statement was read to its end. One that was dropped half way has left who knows what behind.
    is_whole: bool,
    /// What began a transaction sets it, and what ended it takes it back.
    pub is_in_transaction: bool,
}

impl<C: Connection + 'static> PooledConnection<C> {
    /// The connection, for one statement, after which [`Lease::after`] is to be told what became of it.
    pub fn connection(&mut self) -> Result<&mut C, sqlx::Error> {
        self.is_whole = false;
        self.connection.as_mut().ok_or(sqlx::Error::PoolClosed)
    }

    /// Passes on what became of a statement that was read to its end.
    pub fn record_result<T>(&mut self, done: Result<T, sqlx::Error>) -> Result<T, DbError> {
        let is_conflict = done.as_ref().is_err_and(is_serialization_failure);
        let done = done.map_err(DbError::from);
        match &done {
            Err(DbError::Unavailable(_)) if !is_conflict => self.pool.close_free(),
            _ => self.is_whole = true,
        }
        done
    }

    fn close(&mut self) {
        if self.connection.take().is_some() {
            self.pool.open.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// This lease's connection in another one, which leaves this one empty.
    fn take(&mut self) -> Self {
        Self {
            connection: self.connection.take(),
            pool: Arc::clone(&self.pool),
            turn: self.turn.take(),
            is_whole: false,
            is_in_transaction: false,
        }
    }

    /// Undoes the open transaction. Nobody waits for it, and nobody gets the connection before it is done.
    async fn undo(mut self) {
        if let Some(connection) = self.connection.as_mut() {
            let undone =
                tokio::time::timeout(ROLLBACK_TIMEOUT, (self.pool.habits.rollback)(connection)).await;
            self.is_whole = matches!(undone, Ok(Ok(())));
        }
    }
}

impl<C: Connection + 'static> Drop for PooledConnection<C> {
    fn drop(&mut self) {
        if !self.is_whole {
            self.close();
        } else if self.is_in_transaction {
            let lease = self.take();
            if let Ok(runtime) = tokio::runtime::Handle::try_current() {
                runtime.spawn(lease.undo());
            }
        } else if let Some(connection) = self.connection.take() {
            self.pool.free().push((connection, Instant::now()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
    use sqlx::{Executor as _, Row as _};

    fn pool(size: usize) -> (Arc<Pool<SqliteConnection>>, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let options =
            SqliteConnectOptions::new().filename(folder.path().join("test.db")).create_if_missing(true);
        let rollback: Step<SqliteConnection> =
            |connection| Box::pin(async { connection.execute("ROLLBACK").await.map(drop) });
        (
            Pool::new(options, size, ConnectionHooks { after_connect: None, rollback, ping_after: None }),
            folder,
        )
    }

    async fn run(lease: &mut PooledConnection<SqliteConnection>, sql: &'static str) -> Result<i64, DbError> {
        let rows = lease.connection().unwrap().fetch_all(sql).await;
        let first = |rows: Vec<sqlx::sqlite::SqliteRow>| rows.first().map_or(0, |row| row.get(0));
        lease.record_result(rows.map(first))
    }

    #[tokio::test]
    async fn dropped_transaction_is_rolled_back_before_reuse() {
        let (pool, _folder) = pool(1);
        let mut lease = pool.acquire().await.unwrap();
        run(&mut lease, "CREATE TABLE t (x); CREATE TEMP TABLE here (x)").await.unwrap();
        lease.is_in_transaction = true;
        run(&mut lease, "BEGIN; INSERT INTO t VALUES (1)").await.unwrap();
        drop(lease);
        let mut lease = pool.acquire().await.unwrap();
        assert_eq!(run(&mut lease, "SELECT count(*) FROM t").await.unwrap(), 0);
        assert!(run(&mut lease, "SELECT count(*) FROM here").await.is_ok(), "it is the same connection");
    }

    #[tokio::test]
    async fn connection_with_abandoned_statement_is_closed() {
        let (pool, _folder) = pool(1);
        let mut lease = pool.acquire().await.unwrap();
        run(&mut lease, "CREATE TABLE t (x); CREATE TEMP TABLE here (x)").await.unwrap();
        let long = "BEGIN; INSERT INTO t VALUES (1);
                    WITH RECURSIVE n (x) AS (VALUES (1) UNION ALL SELECT x + 1 FROM n WHERE x < 3000000)
                    SELECT count(*) FROM n";
        assert!(tokio::time::timeout(Duration::ZERO, run(&mut lease, long)).await.is_err());
        drop(lease);
        assert_eq!(pool.count(), (0, 0));
        let mut lease = pool.acquire().await.unwrap();
        assert_eq!(run(&mut lease, "SELECT count(*) FROM t").await.unwrap(), 0);
        assert!(run(&mut lease, "SELECT count(*) FROM here").await.is_err(), "it is another connection");
    }

    #[tokio::test]
    async fn failed_statement_keeps_its_connection() {
        let (pool, _folder) = pool(1);
        let mut lease = pool.acquire().await.unwrap();
        assert!(matches!(run(&mut lease, "SELECT nothing").await, Err(DbError::Failed(_))));
        drop(lease);
        assert_eq!(pool.count(), (1, 1));
    }

    #[tokio::test]
    async fn pool_limit_holds_and_waiter_gets_next_connection() {
        let (pool, _folder) = pool(2);
        let (one, two) = (pool.acquire().await.unwrap(), pool.acquire().await.unwrap());
        let mut third = Box::pin(pool.acquire());
        assert!(tokio::time::timeout(Duration::ZERO, &mut third).await.is_err());
        assert_eq!(pool.count(), (2, 0));
        drop(one);
        let _third = third.await.unwrap();
        assert_eq!(pool.count(), (2, 0));
        drop(two);
        assert_eq!(pool.count(), (2, 1));
    }
}
