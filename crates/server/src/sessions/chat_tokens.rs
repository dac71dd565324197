//! The chat tokens of sessions, stored encrypted ("sealed").

use crate::cometchat::job_queue;
use crate::db::{Db, DbError, Tx};
use crate::params;

/// A session that ended or lost its chat token.
#[derive(sqlx::FromRow)]
pub(super) struct EndedSession {
    pub user_id: String,
    chat_token_sealed: Option<String>,
}

/// The chat token of one of a user's sessions.
#[derive(sqlx::FromRow)]
pub struct SessionToken {
    pub public_id: String,
    pub chat_token_sealed: String,
}

/// Enqueues the revocation of these sessions' chat tokens.
pub(super) async fn enqueue_revocations(
    tx: &mut Tx,
    ended: &[EndedSession],
    now: i64,
) -> Result<(), DbError> {
    let tokens: Vec<_> = ended
        .iter()
        .filter_map(|session| Some((session.user_id.clone(), session.chat_token_sealed.clone()?)))
        .collect();
    if tokens.is_empty() { Ok(()) } else { job_queue::enqueue_revocations(tx, tokens, now).await }
}

/// Returns the sealed chat token of a session, or `None` if the session has none or does not exist.
pub async fn find(db: &Db, token_hash: &str) -> Result<Option<String>, DbError> {
    let sql = "SELECT chat_token_sealed FROM sessions WHERE token_hash = $1";
    let found: Option<(Option<String>,)> = db.fetch_optional(sql, params![token_hash]).await?;
    Ok(found.and_then(|(sealed,)| sealed))
}

/// Replaces the session's sealed chat token `old`, which may be absent. Returns `false` and changes nothing if the
/// session has ended or has another token.
pub async fn replace(tx: &mut Tx, token_hash: &str, old: Option<&str>, new: &str) -> Result<bool, DbError> {
    let sql = "UPDATE sessions SET chat_token_sealed = $3
               WHERE token_hash = $1 AND chat_token_sealed IS NOT DISTINCT FROM $2";
    Ok(tx.execute(sql, params![token_hash, old, new]).await? == 1)
}

/// Returns the sealed chat tokens of this user's sessions, at most 1,000, ordered by the session's public id and
/// after `after`.
pub async fn list_after(db: &Db, user_id: &str, after: &str) -> Result<Vec<SessionToken>, DbError> {
    let sql = "SELECT public_id, chat_token_sealed FROM sessions
               WHERE user_id = $1 AND public_id > $2 AND chat_token_sealed IS NOT NULL
               ORDER BY public_id LIMIT 1000";
    db.fetch_all(sql, params![user_id, after]).await
}
