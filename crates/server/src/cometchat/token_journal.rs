//! Which chat tokens may exist at CometChat: the notes of mints that are under way, and the tokens that wait for their
//! revocation. Both are jobs; the tokens of sessions are in [`crate::sessions`].

use super::job_queue::{JobKind, MAX_CALL_DELAY_SECONDS, RECONCILE_DELAY_SECONDS, new_id};
use crate::db::{Db, DbError, Tx};
use crate::values;

/// A check that finds no token looks again this long after the mint: by then CometChat has made one, or never will.
pub const LAST_CHECK_AFTER_SECONDS: i64 = RECONCILE_DELAY_SECONDS + MAX_CALL_DELAY_SECONDS;
const INSERT: &str = "INSERT INTO chat_jobs (id, kind, uid, payload_sealed, version, attempts, bulk, run_at,
                                             claim, claimed_until, parked, last_error, created_at, unsettled_until)
                      VALUES ($1, $2, $3, $4, 1, 0, 0, $5, '', 0, 0, '', $6, 0)";

/// Writes that a token is about to be asked for, and says the job's id.
pub async fn record_pending_token(db: &Db, uid: &str, now: i64) -> Result<String, DbError> {
    let id = new_id();
    let run_at = now + RECONCILE_DELAY_SECONDS;
    db.write(INSERT, values![&id, JobKind::ReconcileTokens.name(), uid, "", run_at, now]).await?;
    Ok(id)
}

/// [`expect_mint`] in the transaction at hand.
pub async fn record_pending_token_in(tx: &mut Tx, uid: &str, now: i64) -> Result<String, DbError> {
    let id = new_id();
    let run_at = now + RECONCILE_DELAY_SECONDS;
    tx.run(INSERT, values![&id, JobKind::ReconcileTokens.name(), uid, "", run_at, now]).await?;
    Ok(id)
}

/// The expected token is stored by the transaction at hand, which is committed.
pub async fn confirm(tx: Tx, id: &str) -> Result<(), DbError> {
    tx.run_and_commit("DELETE FROM chat_jobs WHERE id = $1", values![id]).await?;
    Ok(())
}

/// No token was made.
pub async fn discard_pending_token(db: &Db, id: &str) -> Result<(), DbError> {
    db.write("DELETE FROM chat_jobs WHERE id = $1", values![id]).await?;
    Ok(())
}

/// The sealed tokens of this user whose revocation is still to be done, each with its job; a thousand of them, after
/// the job `after`.
pub async fn tokens_to_revoke(db: &Db, uid: &str, after: &str) -> Result<Vec<(String, String)>, DbError> {
    // The kind is written out, as it is in the index that is for this.
    let sql = "SELECT id, payload_sealed FROM chat_jobs WHERE uid = $1 AND kind = 'revoke_token' AND id > $2
               ORDER BY id LIMIT 1000";
    let rows = db.read(sql, values![uid, after]).await?;
    rows.iter().map(|row| Ok((row.text(0)?, row.text(1)?))).collect()
}
