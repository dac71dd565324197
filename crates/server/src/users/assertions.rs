//! Rows about logins by assertion: which assertions were used, which users they may sign in, and from which time on.

use crate::db::{Db, DbError, Tx};
use crate::values;

/// How far the clocks of the two servers may be apart, in seconds.
pub const CLOCK_SKEW: i64 = 30;
/// How long a row is kept after the last assertion that it is about has expired, in seconds: a clock that is set back,
/// as after a wrong time zone, must not make that one valid again.
const RETENTION: i64 = 24 * 60 * 60;

/// Records the use of an assertion. Returns `false` if it was used before.
pub async fn record_use(tx: &mut Tx, id_hash: &str, expires_at: i64) -> Result<bool, DbError> {
    let sql = "INSERT INTO used_assertions (id_hash, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    Ok(tx.run(sql, values![id_hash, expires_at + CLOCK_SKEW]).await?.affected == 1)
}

/// Refuses every assertion of this user that was issued until now. The row outlives the user.
pub async fn refuse_earlier(tx: &mut Tx, user_id: &str, now: i64) -> Result<(), DbError> {
    tx.run(
        "INSERT INTO assertion_cutoffs (user_id, refused_until) VALUES ($1, $2)
         ON CONFLICT (user_id) DO UPDATE SET refused_until = $2 WHERE assertion_cutoffs.refused_until < $2",
        values![user_id, now],
    )
    .await?;
    Ok(())
}

/// Returns why an assertion of this time may not sign this user in; `None` if it may, or if there is no such user.
/// The answer holds until the transaction ends, because the end of all sessions locks the row as well.
pub async fn find_refusal(
    tx: &mut Tx,
    user_id: &str,
    issued_at: i64,
) -> Result<Option<&'static str>, DbError> {
    let sql = tx.pick(
        "SELECT assertion_login FROM users WHERE id = $1",
        "SELECT assertion_login FROM users WHERE id = $1 FOR UPDATE",
    );
    let done = tx.run(sql, values![user_id]).await?;
    if done.rows.first().map(|row| row.int(0)).transpose()? == Some(0) {
        return Ok(Some("this user has a password, and was not linked: see `user link`"));
    }
    // In the same direction as `iat` is judged: the other server's clock may be ahead by as much.
    let sql = "SELECT 1 FROM assertion_cutoffs WHERE user_id = $1 AND refused_until >= $2";
    let is_refused = !tx.run(sql, values![user_id, issued_at - CLOCK_SKEW]).await?.rows.is_empty();
    Ok(is_refused.then_some("it is older than the user's deletion or the end of all their sessions"))
}

/// Sets whether assertions may sign this user in.
pub async fn set_linked(tx: &mut Tx, user_id: &str, is_linked: bool) -> Result<(), DbError> {
    let sql = "UPDATE users SET assertion_login = $2 WHERE id = $1";
    tx.run(sql, values![user_id, i64::from(is_linked)]).await?;
    Ok(())
}

/// Whether assertions may sign this user in.
pub async fn is_linked(db: &Db, user_id: &str) -> Result<bool, DbError> {
    let sql = "SELECT 1 FROM users WHERE id = $1 AND assertion_login = 1";
    Ok(!db.read(sql, values![user_id]).await?.is_empty())
}

/// Deletes up to `limit` used assertions and up to `limit` cutoffs after their retention. Returns the larger number.
pub async fn delete_expired(db: &Db, now: i64, limit: i64) -> Result<usize, DbError> {
    let used = "DELETE FROM used_assertions WHERE id_hash IN
                  (SELECT id_hash FROM used_assertions WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)";
    let used = db.write(used, values![now - RETENTION, limit]).await?.affected;
    let cutoffs = "DELETE FROM assertion_cutoffs WHERE user_id IN
                     (SELECT user_id FROM assertion_cutoffs WHERE refused_until <= $1
                      ORDER BY refused_until LIMIT $2) AND refused_until <= $1";
    let cutoffs = db.write(cutoffs, values![now - RETENTION, limit]).await?.affected;
    // Of a clock that was ahead and was set back: the user can sign in again, and no earlier assertion can be used.
    let sql = "UPDATE assertion_cutoffs SET refused_until = $1 WHERE refused_until > $1";
    db.write(sql, values![now]).await?;
    Ok(usize::try_from(used.max(cutoffs)).unwrap_or(usize::MAX))
}
