//! Limits on sign-in attempts, asked before any other work is done.
//!
//! Two of them. By address, in memory: a bucket that a burst empties and time refills. By account and
//! address, in the database so that it holds across restarts and instances: waits that grow with each
//! failure in a row. An address that no account has is counted like one that exists, so that the limits
//! tell nobody which is which. Knows nothing of HTTP.

pub mod address;
pub mod backoff;

use crate::accounts::email_key;
use crate::db::{Db, DbError};
use crate::sessions::sha256_hex;
use crate::values;
use backoff::Failures;
use std::net::IpAddr;
use std::time::Duration;

/// Somebody at an address trying one account: what failures are counted by.
pub struct Subject(String);

impl Subject {
    pub fn new(email: &str, address: IpAddr) -> Self {
        let network = address::network(address);
        Self(sha256_hex(format!("{}\0{network}", email_key(email)).as_bytes()))
    }
}

/// How long this subject has to wait before its next attempt is looked at; zero when it has not.
pub async fn wait(db: &Db, subject: &Subject, now: i64) -> Result<Duration, DbError> {
    let rows =
        db.read("SELECT locked_until FROM login_failures WHERE key_hash = $1", values![&subject.0]).await?;
    let locked_until = rows.first().map_or(Ok(0), |row| row.int(0))?;
    Ok(Duration::from_secs(u64::try_from(locked_until - now).unwrap_or(0)))
}

/// Counts a failure.
pub async fn failed(db: &Db, subject: &Subject, now: i64) -> Result<(), DbError> {
    let mut tx = db.begin().await?;
    let before = tx
        .run("SELECT failures, last_at FROM login_failures WHERE key_hash = $1", values![&subject.0])
        .await?;
    let before = match before.rows.first() {
        Some(row) => Failures { count: row.int(0)?, last_at: row.int(1)? },
        None => Failures::default(),
    };
    let after = before.and_one_more(now);
    tx.run(
        "INSERT INTO login_failures (key_hash, failures, last_at, locked_until) VALUES ($1, $2, $3, $4)
         ON CONFLICT (key_hash) DO UPDATE SET failures = $2, last_at = $3, locked_until = $4",
        values![&subject.0, after.count, after.last_at, after.locked_until()],
    )
    .await?;
    tx.commit().await
}

/// Forgets a subject's failures: it has signed in.
pub async fn succeeded(db: &Db, subject: &Subject) -> Result<(), DbError> {
    // Most sign-ins follow no failure: a look costs less than a write.
    let rows =
        db.read("SELECT failures FROM login_failures WHERE key_hash = $1", values![&subject.0]).await?;
    if !rows.is_empty() {
        db.write("DELETE FROM login_failures WHERE key_hash = $1", values![&subject.0]).await?;
    }
    Ok(())
}

/// Drops what is too old to count.
pub async fn sweep(db: &Db, now: i64) -> Result<(), DbError> {
    db.write("DELETE FROM login_failures WHERE last_at <= $1", values![now - backoff::FORGET_SECONDS])
        .await?;
    Ok(())
}
