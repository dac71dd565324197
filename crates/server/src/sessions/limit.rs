//! The limit on sessions of one user. It bounds every list and every transaction of one user's sessions.

use super::chat_tokens::{self, EndedSession};
use crate::db::{Db, DbError, Tx};
use crate::params;
use crate::users;

/// Half of the 100 tokens that CometChat keeps per user. The other half is for tokens that exist before the session
/// that they replace has ended, and for tokens whose revocation is queued.
pub const MAX_SESSIONS_PER_USER: i64 = 50;
/// Excess sessions that end in one transaction.
pub(super) const END_BATCH: i64 = 100;

/// Ends this user's sessions beyond the limit, those idle longest first, at most [`END_BATCH`], and never `kept`,
/// which counts towards the limit. Returns how many ended. The caller holds the lock on the user's row.
pub(super) async fn end_excess_batch(
    tx: &mut Tx,
    user_id: &str,
    kept: Option<&str>,
    now: i64,
) -> Result<usize, DbError> {
    let max_others = MAX_SESSIONS_PER_USER - i64::from(kept.is_some());
    let ended: Vec<EndedSession> = tx
        .fetch_all(
            "DELETE FROM sessions WHERE token_hash IN
               (SELECT token_hash FROM sessions WHERE user_id = $1 AND ($2 IS NULL OR token_hash <> $2)
                ORDER BY last_seen_at DESC, public_id DESC LIMIT $3 OFFSET $4)
             RETURNING user_id, chat_token_sealed",
            params![user_id, kept, END_BATCH, max_others],
        )
        .await?;
    chat_tokens::enqueue_revocations(tx, &ended, now).await?;
    Ok(ended.len())
}

/// Ends this user's sessions beyond the limit, in small transactions that it commits. Returns how many ended. Only a
/// database from before the limit has any. Call it before the transaction that ends all sessions of a user, which is
/// then small.
pub async fn end_excess(db: &Db, user_id: &str, kept: Option<&str>, now: i64) -> Result<usize, DbError> {
    let mut count = 0;
    loop {
        let mut tx = db.begin().await?;
        users::lock_for_update(&mut tx, user_id).await?;
        let ended = end_excess_batch(&mut tx, user_id, kept, now).await?;
        tx.commit().await?;
        count += ended;
        if i64::try_from(ended).is_ok_and(|ended| ended < END_BATCH) {
            return Ok(count);
        }
    }
}
