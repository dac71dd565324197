//! The replacement of a session. Every change of what proves a user's identity gives the browser that makes it another
//! session and ends all others, so that a copy of its old cookie opens nothing (OWASP ASVS 5.0, 7.2.4).

use super::{Session, Token, end_others, revoke_chat_tokens};
use crate::db::{DbError, Tx};
use crate::users;
use crate::values;

/// A session that took the place of another one.
pub struct Rotation {
    /// For the cookie of the response.
    pub token: Token,
    /// How many other sessions of the user ended.
    pub others_ended: usize,
}

/// Replaces this session by one with another cookie and another public id, and ends every other session of its user.
/// Jobs revoke the chat tokens of all of them; the new session gets its own when the page asks for it. It ends no later
/// than the old one would have: rotation is no proof of identity.
///
/// Call it in the transaction that changes the credential. `None`: the session has ended in the meantime, so drop the
/// transaction.
pub async fn rotate(tx: &mut Tx, session: &Session, now: i64) -> Result<Option<Rotation>, DbError> {
    // First the user and then the sessions, as every other that locks several of them does, or two would wait for each other.
    users::lock_for_update(tx, &session.user.id).await?;
    let token = Token::generate();
    let public_id = uuid::Uuid::now_v7().simple().to_string();
    let rotated = tx
        .run(
            "UPDATE sessions SET token_hash = $2, public_id = $3
             WHERE token_hash = $1 AND expires_at > $4 RETURNING user_id, chat_token_sealed",
            values![&session.token_hash, token.hash(), public_id, now],
        )
        .await?;
    if rotated.rows.is_empty() {
        return Ok(None);
    }
    revoke_chat_tokens(tx, &rotated.rows, now).await?;
    tx.run("UPDATE sessions SET chat_token_sealed = '' WHERE token_hash = $1", values![token.hash()]).await?;
    let others_ended = end_others(tx, &session.user.id, &token.hash(), now).await?;
    Ok(Some(Rotation { token, others_ended }))
}
