//! The state of logins by assertion: used assertions, linked users, and cutoff times.

use crate::db::{Db, DbError, Tx};
use crate::params;

/// Allowed difference between the clocks of the two servers, in seconds.
pub const CLOCK_SKEW_SECONDS: i64 = 30;
/// Time that a row is kept after the last assertion that it concerns has expired, in seconds. A clock that is set
/// back, for example by a wrong time zone, must not make that assertion valid again.
const RETENTION_SECONDS: i64 = 24 * 60 * 60;

/// Why an assertion may not log a user in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The user has a password and is not linked.
    NotLinked,
    /// The user was deleted, or all their sessions were ended, after the assertion was issued.
    BeforeCutoff,
}

/// Returns whether the assertion was used.
pub async fn is_used(tx: &mut Tx, id_hash: &str) -> Result<bool, DbError> {
    tx.exists("SELECT 1 FROM used_assertions WHERE id_hash = $1", params![id_hash]).await
}

/// Records the use of an assertion. Returns `false` if it was used before.
pub async fn record_use(tx: &mut Tx, id_hash: &str, expires_at: i64) -> Result<bool, DbError> {
    let sql = "INSERT INTO used_assertions (id_hash, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    Ok(tx.execute(sql, params![id_hash, expires_at + CLOCK_SKEW_SECONDS]).await? == 1)
}

/// Rejects every assertion of this user that was issued until now. The row outlives the user.
pub async fn reject_earlier(tx: &mut Tx, user_id: &str, now: i64) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO assertion_cutoffs (user_id, refused_until) VALUES ($1, $2)
         ON CONFLICT (user_id) DO UPDATE SET refused_until = $2 WHERE assertion_cutoffs.refused_until < $2",
        params![user_id, now],
    )
    .await?;
    Ok(())
}

/// Returns why an assertion that was issued at this time may not log this user in, or `None` if it may or if there
/// is no such user. The result holds until the transaction ends, because ending all sessions locks the same row.
pub async fn find_refusal(tx: &mut Tx, user_id: &str, issued_at: i64) -> Result<Option<Refusal>, DbError> {
    let sql = tx.dialect(
        "SELECT assertion_login FROM users WHERE id = $1",
        "SELECT assertion_login FROM users WHERE id = $1 FOR UPDATE",
    );
    if tx.fetch_optional(sql, params![user_id]).await? == Some((0_i64,)) {
        return Ok(Some(Refusal::NotLinked));
    }
    // With the same tolerance as `iat`: the other server's clock may be ahead by as much.
    let sql = "SELECT 1 FROM assertion_cutoffs WHERE user_id = $1 AND refused_until >= $2";
    let is_rejected = tx.exists(sql, params![user_id, issued_at - CLOCK_SKEW_SECONDS]).await?;
    Ok(is_rejected.then_some(Refusal::BeforeCutoff))
}

/// Sets whether assertions may log this user in.
pub async fn set_linked(tx: &mut Tx, user_id: &str, is_linked: bool) -> Result<(), DbError> {
    let sql = "UPDATE users SET assertion_login = $2 WHERE id = $1";
    tx.execute(sql, params![user_id, i64::from(is_linked)]).await?;
    Ok(())
}

/// Returns whether assertions may log this user in.
pub async fn is_linked(db: &Db, user_id: &str) -> Result<bool, DbError> {
    let sql = "SELECT id FROM users WHERE id = $1 AND assertion_login = 1";
    let linked: Option<(String,)> = db.fetch_optional(sql, params![user_id]).await?;
    Ok(linked.is_some())
}

/// Deletes at most `batch` expired rows of each table. Returns the larger of the two counts.
pub async fn delete_expired(db: &Db, now: i64, batch: i64) -> Result<u64, DbError> {
    let sql = "DELETE FROM used_assertions WHERE id_hash IN
                 (SELECT id_hash FROM used_assertions WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)";
    let used = db.execute(sql, params![now - RETENTION_SECONDS, batch]).await?;
    let sql = "DELETE FROM assertion_cutoffs WHERE user_id IN
                 (SELECT user_id FROM assertion_cutoffs WHERE refused_until <= $1
                  ORDER BY refused_until LIMIT $2) AND refused_until <= $1";
    let cutoffs = db.execute(sql, params![now - RETENTION_SECONDS, batch]).await?;
    // A cutoff in the future comes from a clock that was ahead and was set back. It is now, so that the user can log
    // in again, and no earlier assertion is valid.
    let sql = "UPDATE assertion_cutoffs SET refused_until = $1 WHERE refused_until > $1";
    db.execute(sql, params![now]).await?;
    Ok(used.max(cutoffs))
}
