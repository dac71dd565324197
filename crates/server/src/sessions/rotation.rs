//! Session rotation: each change of a credential gives its browser a new session and ends all others, so that a copy of
//! the old cookie is useless (OWASP ASVS 5.0, 7.2.4).

use super::chat_tokens::{self, EndedSession};
use super::end::end_others;
use super::{Session, Token};
use crate::db::{DbError, Tx};
use crate::params;
use crate::users;

/// A session that replaced another one.
pub struct Rotation {
    /// The new session's token, for the cookie of the response.
    pub token: Token,
    /// Number of the user's other sessions that ended.
    pub others_ended: usize,
}

/// Gives this session a new token and a new public id, and ends all other sessions of its user. Jobs revoke the chat
/// tokens of all of them; the session gets a new one when the page asks for it. The expiry stays, because a rotation
/// does not authenticate the user.
///
/// Call it in the transaction that changes the credential. Returns `None` if the session has ended: drop the
/// transaction.
pub async fn rotate(tx: &mut Tx, session: &Session, now: i64) -> Result<Option<Rotation>, DbError> {
    // The user before the sessions, in the order of every transaction that locks several rows: no deadlock.
    users::lock_for_update(tx, &session.user.id).await?;
    let token = Token::generate();
    let public_id = uuid::Uuid::now_v7().simple().to_string();
    let rotated: Vec<EndedSession> = tx
        .fetch_all(
            "UPDATE sessions SET token_hash = $2, public_id = $3
             WHERE token_hash = $1 AND expires_at > $4 RETURNING user_id, chat_token_sealed",
            params![&session.token_hash, token.hash(), public_id, now],
        )
        .await?;
    if rotated.is_empty() {
        return Ok(None);
    }
    chat_tokens::enqueue_revocations(tx, &rotated, now).await?;
    let sql = "UPDATE sessions SET chat_token_sealed = NULL WHERE token_hash = $1";
    tx.execute(sql, params![token.hash()]).await?;
    let others_ended = end_others(tx, &session.user.id, Some(&token.hash()), now).await?;
    Ok(Some(Rotation { token, others_ended }))
}
