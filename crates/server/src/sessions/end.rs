//! Ending sessions. Each end enqueues the revocation of the session's chat token in the same transaction.

use super::chat_tokens::{self, EndedSession};
use crate::db::{Db, DbError, Tx};
use crate::params;
use crate::users::{self, assertions};

/// Ends the session with this token hash. Returns its user's id, or `None` if there was no such session.
pub async fn end(tx: &mut Tx, token_hash: &str, now: i64) -> Result<Option<String>, DbError> {
    let sql = "DELETE FROM sessions WHERE token_hash = $1 RETURNING user_id, chat_token_sealed";
    let ended: Vec<EndedSession> = tx.fetch_all(sql, params![token_hash]).await?;
    chat_tokens::enqueue_revocations(tx, &ended, now).await?;
    Ok(ended.into_iter().next().map(|session| session.user_id))
}

/// Ends the user's session with this public id. Returns whether there was one.
pub async fn end_by_public_id(
    tx: &mut Tx,
    user_id: &str,
    public_id: &str,
    now: i64,
) -> Result<bool, DbError> {
    let sql =
        "DELETE FROM sessions WHERE user_id = $1 AND public_id = $2 RETURNING user_id, chat_token_sealed";
    let ended: Vec<EndedSession> = tx.fetch_all(sql, params![user_id, public_id]).await?;
    chat_tokens::enqueue_revocations(tx, &ended, now).await?;
    Ok(!ended.is_empty())
}

/// Ends every session of this user except `kept`, if any, and rejects assertions that were issued until now. Returns
/// how many sessions ended. Call [`end_excess`](super::end_excess) before the transaction: at most the limit is left
/// to end in this one.
pub async fn end_others(tx: &mut Tx, user_id: &str, kept: Option<&str>, now: i64) -> Result<usize, DbError> {
    // Locks the user, so that no login by assertion begins a session before the commit.
    users::lock_for_update(tx, user_id).await?;
    assertions::reject_earlier(tx, user_id, now).await?;
    let sql = "DELETE FROM sessions WHERE user_id = $1 AND ($2 IS NULL OR token_hash <> $2)
               RETURNING user_id, chat_token_sealed";
    let ended: Vec<EndedSession> = tx.fetch_all(sql, params![user_id, kept]).await?;
    chat_tokens::enqueue_revocations(tx, &ended, now).await?;
    Ok(ended.len())
}

/// Ends at most `batch` expired sessions, and commits. Returns their users' ids.
pub async fn delete_expired(db: &Db, now: i64, batch: i64) -> Result<Vec<String>, DbError> {
    let mut tx = db.begin().await?;
    // A session that another transaction has locked is ending, or is left to the next batch: two transactions that
    // lock several sessions each could deadlock.
    let sql = tx.dialect(
        "DELETE FROM sessions WHERE token_hash IN
           (SELECT token_hash FROM sessions WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)
         RETURNING user_id, chat_token_sealed",
        "DELETE FROM sessions WHERE token_hash IN
           (SELECT token_hash FROM sessions WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2
            FOR UPDATE SKIP LOCKED)
         RETURNING user_id, chat_token_sealed",
    );
    let ended: Vec<EndedSession> = tx.fetch_all(sql, params![now, batch]).await?;
    chat_tokens::enqueue_revocations(&mut tx, &ended, now).await?;
    tx.commit().await?;
    Ok(ended.into_iter().map(|session| session.user_id).collect())
}
