//! Limits on attempts to prove who one is, asked before any other work is done.
//!
//! By address, in memory: a bucket that a burst empties and time refills. By account, in the database so
//! that it holds across restarts and instances: waits that grow with each failure in a row from one
//! network, and an end to passwords after a hundred failures from anywhere. A browser that the
//! account's present password has opened it in is counted by itself, so that nobody else can keep its
//! owner out. An address that no account has is counted like one that exists, so that the limits tell
//! nobody which is which. By user, in memory: what causes calls to CometChat. Knows nothing of HTTP.

pub mod device_cookie;
pub mod lockout;
pub mod token_bucket;
pub mod user_limit;

use crate::crypto::sha256_hex;
use crate::db::{Db, DbError, Row, Tx, json_array};
use crate::users::email_key;
use crate::values;
use device_cookie::DeviceId;
use lockout::{Failures, Lockout, Scope};
use std::net::IpAddr;

/// Counts of networks and devices that one transaction forgets.
const CLEAR_BATCH: i64 = 500;

/// Whom an account's failures are counted by, without the address that was typed.
fn account_hash(email: &str) -> String {
    sha256_hex(email_key(email).as_bytes())
}

/// Somebody who tries one account: what their failures are counted by.
pub struct AttemptKeys {
    account: String,
    network: String,
    device: Option<String>,
}

impl AttemptKeys {
    pub fn new(email: &str, address: IpAddr, device: Option<&DeviceId>) -> Self {
        let account = account_hash(email);
        let network = token_bucket::network(address);
        Self {
            network: sha256_hex(format!("{account} {network}").as_bytes()),
            device: device.map(|device| sha256_hex(&[account.as_bytes(), b" ", device.id()].concat())),
            account,
        }
    }

    /// This one again, as somebody whose browser is not known.
    #[must_use]
    pub fn without_device(self) -> Self {
        Self { device: None, ..self }
    }

    /// What counts are kept under: of the account, of the network, and of the device; for no device an empty one,
    /// which nothing has.
    pub fn keys(&self) -> [&str; 3] {
        [&self.account, &self.network, self.device.as_deref().unwrap_or_default()]
    }
}

/// What is counted for a subject.
pub struct ThrottleState {
    /// What the next attempt meets.
    pub standing: Lockout,
    /// Whether there is anything to forget when it succeeds.
    pub has_failed: bool,
    /// The account, if its own failures count, and not those of a browser that is known.
    pub account: Option<String>,
}

/// What the rows of this subject's keys (key hash, …, failures, last_at) come to; of others they say nothing.
pub fn evaluate(subject: &AttemptKeys, rows: &[Row], now: i64) -> Result<ThrottleState, DbError> {
    let mut by_account = Lockout::Allowed;
    let mut by_network = Lockout::Allowed;
    let mut by_device = Lockout::Allowed;
    let mut has_failed = false;
    for row in rows {
        let (key, failures) = (row.text(0)?, Failures { count: row.int(4)?, last_at: row.int(5)? });
        if key == subject.account {
            by_account = failures.lockout(Scope::Account, now);
        } else if key == subject.network {
            by_network = failures.lockout(Scope::Address, now);
        } else if Some(&key) == subject.device.as_ref() {
            by_device = failures.lockout(Scope::Device, now);
        } else {
            continue;
        }
        has_failed = true;
    }
    let is_known = subject.device.is_some() && by_device != Lockout::Locked;
    let standing = if is_known {
        by_device
    } else if by_network == Lockout::Allowed {
        // A device that has failed too often is not trusted any more, and is anybody.
        by_account
    } else {
        by_network
    };
    Ok(ThrottleState { standing, has_failed, account: (!is_known).then(|| subject.account.clone()) })
}

/// Counts a failure: for the device where there is one, else for the network; for the account unless it
/// was a device's own.
pub async fn record_failure(db: &Db, subject: &AttemptKeys, now: i64) -> Result<(), DbError> {
    let mut tx = db.begin().await?;
    let trusted = match &subject.device {
        Some(device) => {
            count(&mut tx, device, &subject.account, now).await?.lockout(Scope::Device, now)
                != Lockout::Locked
        }
        None => false,
    };
    if !trusted {
        // Always in this order, so that two of them do not wait for each other.
        count(&mut tx, &subject.account, &subject.account, now).await?;
        count(&mut tx, &subject.network, &subject.account, now).await?;
    }
    tx.commit().await
}

async fn count(tx: &mut Tx, key: &str, account: &str, now: i64) -> Result<Failures, DbError> {
    // The row is there and locked before it is read: of two failures at once both count.
    let before = tx
        .run(
            "INSERT INTO login_failures (key_hash, account_hash, failures, last_at) VALUES ($1, $2, 0, $3)
             ON CONFLICT (key_hash) DO UPDATE SET account_hash = $2
             RETURNING failures, last_at",
            values![key, account, now],
        )
        .await?;
    let before = before.rows.first().map_or(Ok(Failures::default()), failures)?;
    let after = before.with_failure(now);
    tx.run(
        "UPDATE login_failures SET failures = $2, last_at = $3 WHERE key_hash = $1",
        values![key, after.count, after.last_at],
    )
    .await?;
    Ok(after)
}

fn failures(row: &Row) -> Result<Failures, DbError> {
    Ok(Failures { count: row.int(0)?, last_at: row.int(1)? })
}

/// Forgets what this subject has counted up: it has proven who it is. But for an account that others have shut
/// meanwhile: only a browser that is known opens that again.
pub async fn record_success(db: &Db, subject: &AttemptKeys, is_known: bool) -> Result<(), DbError> {
    let [account, network, device] = subject.keys();
    let stop = if is_known { i64::MAX } else { lockout::MAX_FAILURES };
    db.write(
        "DELETE FROM login_failures WHERE key_hash IN ($1, $2, $3) AND (key_hash <> $1 OR failures < $4)",
        values![account, network, device, stop],
    )
    .await?;
    Ok(())
}

/// Whether failures have shut this account ([`Found::account`]) for passwords by now; none is never shut.
pub async fn is_locked_in(tx: &mut Tx, account: &str) -> Result<bool, DbError> {
    let sql = "SELECT 1 FROM login_failures WHERE key_hash = $1 AND failures >= $2";
    Ok(!tx.run(sql, values![account, lockout::MAX_FAILURES]).await?.rows.is_empty())
}

/// Forgets the failures that were counted for this account, from wherever: its own, and those of so many networks and
/// devices as one transaction bears. Says whether it was shut. Call [`forget_excess`] first, outside of the
/// transaction: then there are no more.
pub async fn unlock(tx: &mut Tx, email: &str, now: i64) -> Result<bool, DbError> {
    let account = account_hash(email);
    let own = tx
        .run("DELETE FROM login_failures WHERE key_hash = $1 RETURNING failures, last_at", values![&account])
        .await?;
    tx.run(
        "DELETE FROM login_failures WHERE key_hash IN
           (SELECT key_hash FROM login_failures WHERE account_hash = $1 LIMIT $2)",
        values![&account, CLEAR_BATCH],
    )
    .await?;
    let own = own.rows.first().map_or(Ok(Failures::default()), failures)?;
    Ok(own.lockout(Scope::Account, now) == Lockout::Locked)
}

/// Forgets failures that were counted for this account and a network or a device, in small transactions of their own,
/// until there are few. Each of very many networks that try one account has a row.
pub async fn clear_excess(db: &Db, email: &str) -> Result<(), DbError> {
    let account = account_hash(email);
    loop {
        let done = db
            .write(
                "DELETE FROM login_failures WHERE key_hash IN
                   (SELECT key_hash FROM login_failures WHERE account_hash = $1 AND key_hash <> $1
                    LIMIT $2 OFFSET $2)",
                values![&account, CLEAR_BATCH],
            )
            .await?;
        if done.affected == 0 {
            return Ok(());
        }
    }
}

/// Forgets every failure that was counted for these accounts.
pub async fn clear_many(tx: &mut Tx, emails: impl Iterator<Item = &str>) -> Result<(), DbError> {
    let sql = tx.pick(
        "DELETE FROM login_failures WHERE account_hash IN (SELECT value FROM json_each($1))",
        "DELETE FROM login_failures WHERE account_hash IN (SELECT json_array_elements_text($1::json))",
    );
    tx.run(sql, values![json_array(emails.map(account_hash))]).await?;
    Ok(())
}

/// Whether no password opens this account any more.
pub async fn is_locked(db: &Db, email: &str, now: i64) -> Result<bool, DbError> {
    let rows = db
        .read(
            "SELECT failures, last_at FROM login_failures WHERE key_hash = $1",
            values![account_hash(email)],
        )
        .await?;
    let counted = rows.first().map_or(Ok(Failures::default()), failures)?;
    Ok(counted.lockout(Scope::Account, now) == Lockout::Locked)
}

/// Deletes up to `limit` failure counts that are too old to matter. Returns the number of deleted rows.
pub async fn delete_old(db: &Db, now: i64, limit: i64) -> Result<usize, DbError> {
    let done = db
        .write(
            "DELETE FROM login_failures WHERE key_hash IN
               (SELECT key_hash FROM login_failures WHERE last_at <= $1 AND failures < $2 LIMIT $3)
               AND last_at <= $1",
            values![now - lockout::RESET_AFTER_SECONDS, lockout::MAX_FAILURES, limit],
        )
        .await?;
    Ok(usize::try_from(done.affected).unwrap_or(usize::MAX))
}
