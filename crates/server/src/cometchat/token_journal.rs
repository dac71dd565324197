//! The journal of chat tokens that may exist at CometChat without a session: requests whose outcome is not stored yet,
//! and tokens whose revocation is queued. Both are jobs. [`crate::sessions::chat_tokens`] has the tokens of sessions.

use super::job_queue::{JobKind, MAX_CALL_DELAY_SECONDS, NewJob, RECONCILE_DELAY_SECONDS, new_id};
use crate::db::{Db, DbError, Tx};
use crate::params;

/// Age at which a reconciliation that finds no token is the last, in seconds. CometChat carries the request out before,
/// or never.
pub const LAST_RECONCILE_AFTER_SECONDS: i64 = RECONCILE_DELAY_SECONDS + MAX_CALL_DELAY_SECONDS;

fn pending_token<'a>(id: &'a str, uid: &'a str, now: i64) -> NewJob<'a> {
    let run_at = now + RECONCILE_DELAY_SECONDS;
    NewJob { id, kind: JobKind::ReconcileTokens, uid, run_at, claim: None, now }
}

/// Records that a token is about to be requested, and commits. Returns the id of the record.
pub async fn record_pending_token(db: &Db, uid: &str, now: i64) -> Result<String, DbError> {
    let id = new_id();
    db.execute(NewJob::INSERT, &pending_token(&id, uid, now).params()).await?;
    Ok(id)
}

/// Like [`record_pending_token`], in the caller's transaction.
pub async fn record_pending_token_in(tx: &mut Tx, uid: &str, now: i64) -> Result<String, DbError> {
    let id = new_id();
    tx.execute(NewJob::INSERT, &pending_token(&id, uid, now).params()).await?;
    Ok(id)
}

/// Deletes the record of a token that the caller's transaction stores.
pub async fn confirm(tx: &mut Tx, id: &str) -> Result<(), DbError> {
    tx.execute("DELETE FROM chat_jobs WHERE id = $1", params![id]).await?;
    Ok(())
}

/// Deletes the record of a token that CometChat has not created, and commits.
pub async fn discard_pending_token(db: &Db, id: &str) -> Result<(), DbError> {
    db.execute("DELETE FROM chat_jobs WHERE id = $1", params![id]).await?;
    Ok(())
}

/// A token whose revocation is queued.
#[derive(sqlx::FromRow)]
pub struct QueuedToken {
    pub id: String,
    pub payload_sealed: String,
}

/// Returns this user's tokens whose revocation is queued, at most 1,000, ordered by the job's id and after `after`.
pub async fn list_tokens_to_revoke(db: &Db, uid: &str, after: &str) -> Result<Vec<QueuedToken>, DbError> {
    // The kind is a literal, as in the partial index that serves this query.
    let sql = "SELECT id, payload_sealed FROM chat_jobs WHERE uid = $1 AND kind = 'revoke_token' AND id > $2
               ORDER BY id LIMIT 1000";
    db.fetch_all(sql, params![uid, after]).await
}
