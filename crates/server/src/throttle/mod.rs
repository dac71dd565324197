//! Rate limits and lockouts, checked before any other work of a login.
//!
//! - By address, in memory: a token bucket ([`token_bucket`]).
//! - By account, in the database, so that it holds across restarts and instances: waits that double with consecutive
//!   failures from one network, and a lockout after 100 failures from anywhere ([`lockout`]).
//! - By browser: one that has logged in with the account's present password has its own count, so that other clients
//!   cannot lock its user out ([`device_cookie`]).
//! - By user, in memory: actions that call CometChat ([`user_limit`]).
//!
//! An email address without an account is counted like one with an account, so that the limits do not reveal which
//! accounts exist.

pub mod device_cookie;
pub mod lockout;
pub mod token_bucket;
pub mod user_limit;

use crate::crypto::sha256_hex;
use crate::db::{Db, DbError, Tx, json_array};
use crate::params;
use crate::users::email::email_key;
use device_cookie::DeviceId;
use lockout::{Failures, Lockout, Scope};
use std::net::IpAddr;

/// Rows that one transaction deletes.
const CLEAR_BATCH: i64 = 500;

/// Returns the key of an account's failures. It is a hash, so that a mistyped email address, which may be a password, is
/// not stored.
fn account_hash(email: &str) -> String {
    sha256_hex(email_key(email).as_bytes())
}

/// The keys that the failures of a login attempt are counted by.
pub struct AttemptKeys {
    pub account: String,
    pub network: String,
    /// `None` if the browser has no valid device cookie.
    pub device: Option<String>,
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

    /// Returns these keys for an unknown browser.
    #[must_use]
    pub fn without_device(self) -> Self {
        Self { device: None, ..self }
    }
}

/// The failures counted by each of the [`AttemptKeys`].
#[derive(Debug, Clone, Copy, Default)]
pub struct AttemptFailures {
    pub account: Option<Failures>,
    pub network: Option<Failures>,
    pub device: Option<Failures>,
}

/// The result of the counted failures for a login attempt.
pub struct ThrottleState {
    pub lockout: Lockout,
    /// Whether a successful login has failures to clear.
    pub has_failures: bool,
    /// The account's key, if the account's own failures count, and not those of a known browser.
    pub account: Option<String>,
}

/// Evaluates the counted failures.
pub fn evaluate(keys: &AttemptKeys, failures: AttemptFailures, now: i64) -> ThrottleState {
    let lockout_of = |failures: Option<Failures>, scope| {
        failures.map_or(Lockout::Allowed, |failures| failures.lockout(scope, now))
    };
    let by_device = lockout_of(failures.device, Scope::Device);
    let by_network = lockout_of(failures.network, Scope::Address);
    let by_account = lockout_of(failures.account, Scope::Account);
    // A browser with too many failures is no longer trusted, and counts like an unknown one.
    let is_known = keys.device.is_some() && by_device != Lockout::Locked;
    let lockout = if is_known {
        by_device
    } else if by_network == Lockout::Allowed {
        by_account
    } else {
        by_network
    };
    let has_device_failures = keys.device.is_some() && failures.device.is_some();
    ThrottleState {
        lockout,
        has_failures: failures.account.is_some() || failures.network.is_some() || has_device_failures,
        account: (!is_known).then(|| keys.account.clone()),
    }
}

/// Counts a failure: for a known browser only by its device, for any other by account and network.
pub async fn record_failure(db: &Db, keys: &AttemptKeys, now: i64) -> Result<(), DbError> {
    let mut tx = db.begin().await?;
    let is_known = match &keys.device {
        Some(device) => {
            let failures = count(&mut tx, device, &keys.account, now).await?;
            failures.lockout(Scope::Device, now) != Lockout::Locked
        }
        None => false,
    };
    if !is_known {
        // Always in this order, so that two transactions cannot deadlock.
        count(&mut tx, &keys.account, &keys.account, now).await?;
        count(&mut tx, &keys.network, &keys.account, now).await?;
    }
    tx.commit().await
}

async fn count(tx: &mut Tx, key: &str, account: &str, now: i64) -> Result<Failures, DbError> {
    // Inserting locks the row before it is read, so that two concurrent failures both count.
    let before: Option<Failures> = tx
        .fetch_optional(
            "INSERT INTO login_failures (key_hash, account_hash, failures, last_at) VALUES ($1, $2, 0, $3)
             ON CONFLICT (key_hash) DO UPDATE SET account_hash = $2
             RETURNING failures AS count, last_at",
            params![key, account, now],
        )
        .await?;
    let after = before.unwrap_or_default().with_failure(now);
    tx.execute(
        "UPDATE login_failures SET failures = $2, last_at = $3 WHERE key_hash = $1",
        params![key, after.count, after.last_at],
    )
    .await?;
    Ok(after)
}

/// Clears the failures of a successful login. A lockout of the account stays, unless the browser is known.
pub async fn record_success(db: &Db, keys: &AttemptKeys, is_known: bool) -> Result<(), DbError> {
    let max_failures = if is_known { i64::MAX } else { lockout::MAX_FAILURES };
    db.execute(
        "DELETE FROM login_failures WHERE key_hash IN ($1, $2, $3) AND (key_hash <> $1 OR failures < $4)",
        params![&keys.account, &keys.network, keys.device.as_deref(), max_failures],
    )
    .await?;
    Ok(())
}

/// Returns whether failures have locked the account with this key ([`ThrottleState::account`]).
pub async fn is_locked_in(tx: &mut Tx, account: Option<&str>) -> Result<bool, DbError> {
    let sql = "SELECT 1 FROM login_failures WHERE key_hash = $1 AND failures >= $2";
    tx.exists(sql, params![account, lockout::MAX_FAILURES]).await
}

/// Clears the failures of this account, and at most one batch of those by network and device. Returns whether the
/// account was locked. Call [`clear_excess`] before the transaction: then there is at most one batch.
pub async fn unlock(tx: &mut Tx, email: &str, now: i64) -> Result<bool, DbError> {
    let account = account_hash(email);
    let sql = "DELETE FROM login_failures WHERE key_hash = $1 RETURNING failures AS count, last_at";
    let own: Option<Failures> = tx.fetch_optional(sql, params![&account]).await?;
    tx.execute(
        "DELETE FROM login_failures WHERE key_hash IN
           (SELECT key_hash FROM login_failures WHERE account_hash = $1 LIMIT $2)",
        params![&account, CLEAR_BATCH],
    )
    .await?;
    Ok(own.unwrap_or_default().lockout(Scope::Account, now) == Lockout::Locked)
}

/// Clears the failures of this account by network and device, except one batch, in small transactions. Each of many
/// networks that try one account has a row.
pub async fn clear_excess(db: &Db, email: &str) -> Result<(), DbError> {
    let account = account_hash(email);
    loop {
        let deleted = db
            .execute(
                "DELETE FROM login_failures WHERE key_hash IN
                   (SELECT key_hash FROM login_failures WHERE account_hash = $1 AND key_hash <> $1
                    LIMIT $2 OFFSET $2)",
                params![&account, CLEAR_BATCH],
            )
            .await?;
        if deleted == 0 {
            return Ok(());
        }
    }
}

/// Clears all failures of these accounts.
pub async fn clear_many(tx: &mut Tx, emails: impl Iterator<Item = &str>) -> Result<(), DbError> {
    let sql = tx.dialect(
        "DELETE FROM login_failures WHERE account_hash IN (SELECT value FROM json_each($1))",
        "DELETE FROM login_failures WHERE account_hash IN (SELECT json_array_elements_text($1::json))",
    );
    tx.execute(sql, params![json_array(emails.map(account_hash))]).await?;
    Ok(())
}

/// Returns whether failures have locked this account.
pub async fn is_locked(db: &Db, email: &str, now: i64) -> Result<bool, DbError> {
    let sql = "SELECT failures AS count, last_at FROM login_failures WHERE key_hash = $1";
    let failures: Option<Failures> = db.fetch_optional(sql, params![account_hash(email)]).await?;
    Ok(failures.unwrap_or_default().lockout(Scope::Account, now) == Lockout::Locked)
}

/// Deletes at most `batch` expired failures that lock no account. Returns how many.
pub async fn delete_old(db: &Db, now: i64, batch: i64) -> Result<u64, DbError> {
    let sql = "DELETE FROM login_failures WHERE key_hash IN
                 (SELECT key_hash FROM login_failures WHERE last_at <= $1 AND failures < $2 LIMIT $3)
               AND last_at <= $1";
    let oldest = now - lockout::RESET_AFTER_SECONDS;
    db.execute(sql, params![oldest, lockout::MAX_FAILURES, batch]).await
}
