//! The limit on sessions of one user, so that no list and no transaction grows with what one user has begun.

use super::revoke_chat_tokens;
use crate::db::{Db, DbError, Tx};
use crate::users;
use crate::values;

/// Half of the tokens that CometChat keeps for a user. The other half is room for those that are made before the session
/// they take the place of ends, and for those whose revocation waits.
pub const MAX_SESSIONS_PER_USER: i64 = 50;
/// Sessions beyond the limit that end in one transaction.
pub(super) const END_BATCH: i64 = 100;

/// Ends sessions of this user beyond the limit, those idle longest, but at most [`END_BATCH`] of them, and never the one
/// with the token hash `kept`, which counts and may be empty. Returns how many. The caller holds the user's row.
pub(super) async fn end_excess_batch(
    tx: &mut Tx,
    user_id: &str,
    kept: &str,
    now: i64,
) -> Result<usize, DbError> {
    let others = MAX_SESSIONS_PER_USER - i64::from(!kept.is_empty());
    let ended = tx
        .run(
            "DELETE FROM sessions WHERE token_hash IN
               (SELECT token_hash FROM sessions WHERE user_id = $1 AND token_hash <> $2
                ORDER BY last_seen_at DESC, public_id DESC LIMIT $3 OFFSET $4)
             RETURNING user_id, chat_token_sealed",
            values![user_id, kept, END_BATCH, others],
        )
        .await?;
    revoke_chat_tokens(tx, &ended.rows, now).await?;
    Ok(ended.rows.len())
}

/// Ends every session of this user beyond the limit, in small transactions of their own. Returns how many. None is left
/// but in a database from before the limit; call it before the transaction that ends all sessions of a user, which is
/// small then.
pub async fn end_excess(db: &Db, user_id: &str, kept: &str, now: i64) -> Result<usize, DbError> {
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
