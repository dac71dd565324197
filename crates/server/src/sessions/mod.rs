//! Sessions: issued, resolved, ended and swept; their rows.
//!
//! A session slides: it ends when it was idle too long, and at an absolute age whatever happens. Both
//! are enforced here, not by the cookie. Ending one queues the revocation of its chat token in the same
//! transaction. Knows nothing of HTTP or of the wire.

mod limit;
mod rotation;
mod token;

pub use limit::{MAX_SESSIONS_PER_USER, end_excess};
pub use rotation::{Rotation, rotate};
pub use token::Token;

use crate::cometchat::{MintedToken, job_queue};
use crate::db::{Db, DbError, Row, Tx};
use crate::throttle::lockout;
use crate::users::assertions;
use crate::users::{self, User};
use crate::values;

/// `last_seen_at` is written at most this often, so that reading stays reading.
const TOUCH_INTERVAL_SECONDS: i64 = 5 * 60;
/// User agents are kept for people to know their devices by; nobody needs more of one.
const MAX_USER_AGENT_CHARS: usize = 300;

/// How long sessions live, in seconds.
#[derive(Debug, Clone, Copy)]
pub struct Lifetime {
    /// Without being used.
    pub idle: i64,
    /// At most.
    pub max: i64,
}

impl Lifetime {
    fn expires_at(self, created_at: i64, seen_at: i64) -> i64 {
        seen_at.saturating_add(self.idle).min(created_at.saturating_add(self.max))
    }
}

/// Where a session was made, for its user to recognise it by.
#[derive(Debug, Clone)]
pub struct SessionOrigin {
    pub user_agent: String,
    pub address: String,
}

/// A live session and its user.
#[derive(Debug, Clone)]
pub struct Session {
    pub token_hash: String,
    pub user: User,
    /// Empty: this session has no chat token yet.
    pub chat_token_sealed: String,
}

/// A password that was right when it was looked at, which is some time ago.
pub struct VerifiedPassword {
    pub password_version: i64,
    /// The account whose failures may have shut it for passwords meanwhile, as [`crate::throttle`] calls it; empty where
    /// they do not count.
    pub account: String,
}

/// A session that is to be.
pub struct NewSession<'a> {
    pub token: &'a Token,
    pub user_id: &'a str,
    /// What has proven who it is for, where a password has.
    pub proof: Option<&'a VerifiedPassword>,
    pub device: &'a SessionOrigin,
    /// What was minted for it.
    pub chat_token: Option<&'a MintedToken>,
    /// The session that ends with its beginning.
    pub replaces: Option<&'a Token>,
}

/// Issues a session and commits. Returns how many sessions ended because the user has too many ([`limit`]). `None`, and
/// nothing has changed: the user is gone, or the proof is worth nothing any more.
pub async fn create(
    mut tx: Tx,
    session: NewSession<'_>,
    lifetime: Lifetime,
    now: i64,
) -> Result<Option<usize>, DbError> {
    let NewSession { token, user_id, proof, device, chat_token, replaces } = session;
    let user_agent: String = device.user_agent.chars().take(MAX_USER_AGENT_CHARS).collect();
    let public_id = uuid::Uuid::now_v7().simple().to_string();
    // In the one statement, so that nobody changes the password, deletes the user or fails for the hundredth time between
    // look and write; on
    // PostgreSQL, where others write meanwhile, by the row's lock. And with it, in the one visit, what settles the
    // mint: its note stays where no session came of it.
    let sql = tx.pick(
        "INSERT INTO sessions (token_hash, public_id, user_id, created_at, last_seen_at, expires_at,
                               user_agent, address, chat_token_sealed)
         SELECT $1, $2, id, $4, $4, $5, $6, $7, $8
         FROM users WHERE id = $3 AND ($9 < 0 OR password_version = $9)
           AND NOT EXISTS (SELECT 1 FROM login_failures WHERE key_hash = $11 AND failures >= $12)
         RETURNING 1;
         DELETE FROM chat_jobs WHERE id = $10 AND EXISTS (SELECT 1 FROM sessions WHERE token_hash = $1)",
        "WITH proven AS (SELECT id FROM users WHERE id = $3 AND ($9 < 0 OR password_version = $9)
                         AND NOT EXISTS (SELECT 1 FROM login_failures WHERE key_hash = $11 AND failures >= $12)
                         FOR UPDATE),
              issued AS (INSERT INTO sessions (token_hash, public_id, user_id, created_at, last_seen_at, expires_at,
                                               user_agent, address, chat_token_sealed)
                         SELECT $1, $2, id, $4, $4, $5, $6, $7, $8 FROM proven RETURNING 1),
              settled AS (DELETE FROM chat_jobs WHERE id = $10 AND EXISTS (SELECT 1 FROM issued))
         SELECT 1 FROM issued",
    );
    let values = values![
        token.hash(),
        public_id,
        user_id,
        now,
        lifetime.expires_at(now, now),
        user_agent,
        &device.address,
        chat_token.map_or("", |minted| &minted.sealed),
        proof.map_or(-1, |proof| proof.password_version),
        chat_token.map_or("", |minted| &minted.check),
        proof.map_or("", |proof| &proof.account),
        lockout::MAX_FAILURES,
    ];
    if tx.run(sql, values).await?.rows.is_empty() {
        return Ok(None);
    }
    if let Some(replaced) = replaces {
        end(&mut tx, &replaced.hash(), now).await?;
    }
    let excess = limit::end_excess_batch(&mut tx, user_id, &token.hash(), now).await?;
    tx.commit().await?;
    Ok(Some(excess))
}

/// The live session of this token, if there is one, kept alive by being asked for.
pub async fn find_active(
    db: &Db,
    token: &Token,
    lifetime: Lifetime,
    now: i64,
) -> Result<Option<Session>, DbError> {
    let token_hash = token.hash();
    let rows = db
        .read(
            "SELECT u.id, u.email, u.name, s.chat_token_sealed, s.created_at, s.last_seen_at
             FROM sessions s JOIN users u ON u.id = s.user_id
             WHERE s.token_hash = $1 AND s.expires_at > $2",
            values![&token_hash, now],
        )
        .await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let (created_at, last_seen_at) = (row.int(4)?, row.int(5)?);
    if now - last_seen_at >= TOUCH_INTERVAL_SECONDS {
        let touched = db
            .write(
                "UPDATE sessions SET last_seen_at = $2, expires_at = $3 WHERE token_hash = $1 AND expires_at > $2",
                values![&token_hash, now, lifetime.expires_at(created_at, now)],
            )
            .await;
        match touched {
            // A full disk, say: it can be read, so nobody is turned away who only looks.
            Err(DbError::Unavailable(cause)) => tracing::warn!(cause, "a session could not be kept alive"),
            touched => drop(touched?),
        }
    }
    Ok(Some(Session {
        token_hash,
        user: User { id: row.text(0)?, email: row.text(1)?, name: row.text(2)? },
        chat_token_sealed: row.text(3)?,
    }))
}

/// Ends the session with this token hash. Says whose it was; `None` when there was none.
pub async fn end(tx: &mut Tx, token_hash: &str, now: i64) -> Result<Option<String>, DbError> {
    let ended = tx
        .run(
            "DELETE FROM sessions WHERE token_hash = $1 RETURNING user_id, chat_token_sealed",
            values![token_hash],
        )
        .await?;
    revoke_chat_tokens(tx, &ended.rows, now).await?;
    ended.rows.first().map(|row| row.text(0)).transpose()
}

/// The chat token that the session with this token hash has, sealed; empty where it has none. `None`: no such session.
pub async fn chat_token(db: &Db, token_hash: &str) -> Result<Option<String>, DbError> {
    let rows =
        db.read("SELECT chat_token_sealed FROM sessions WHERE token_hash = $1", values![token_hash]).await?;
    rows.first().map(|row| row.text(0)).transpose()
}

/// Ends the session that this user knows by `public_id`. Says whether there was one.
pub async fn end_by_public_id(
    tx: &mut Tx,
    user_id: &str,
    public_id: &str,
    now: i64,
) -> Result<bool, DbError> {
    let ended = tx
        .run(
            "DELETE FROM sessions WHERE user_id = $1 AND public_id = $2 RETURNING user_id, chat_token_sealed",
            values![user_id, public_id],
        )
        .await?;
    revoke_chat_tokens(tx, &ended.rows, now).await?;
    Ok(!ended.rows.is_empty())
}

/// Ends every session of this user but the one with the token hash `kept`, which may be empty, and refuses the
/// assertions that were issued until now. Returns how many sessions ended. Call [`end_excess`] first, outside of the
/// transaction: what is left then is no more than the limit.
pub async fn end_others(tx: &mut Tx, user_id: &str, kept: &str, now: i64) -> Result<usize, DbError> {
    // Locks the user, so that no assertion begins a session between the end of the others and the commit.
    users::lock_for_update(tx, user_id).await?;
    assertions::refuse_earlier(tx, user_id, now).await?;
    let ended = tx
        .run(
            "DELETE FROM sessions WHERE user_id = $1 AND token_hash <> $2 RETURNING user_id, chat_token_sealed",
            values![user_id, kept],
        )
        .await?;
    revoke_chat_tokens(tx, &ended.rows, now).await?;
    Ok(ended.rows.len())
}

/// A session as its user sees it.
pub struct SessionSummary {
    pub public_id: String,
    pub token_hash: String,
    pub user_agent: String,
    pub address: String,
    pub created_at: i64,
    pub last_seen_at: i64,
}

/// The live sessions of this user, the latest seen first. It reads no more than the limit, however many there are.
pub async fn list(db: &Db, user_id: &str, now: i64) -> Result<Vec<SessionSummary>, DbError> {
    let rows = db
        .read(
            "SELECT public_id, token_hash, user_agent, address, created_at, last_seen_at
             FROM (SELECT * FROM sessions WHERE user_id = $1
                   ORDER BY last_seen_at DESC, public_id DESC LIMIT $3) AS latest
             WHERE expires_at > $2 ORDER BY last_seen_at DESC, public_id DESC",
            values![user_id, now, MAX_SESSIONS_PER_USER],
        )
        .await?;
    let listed = |row: &Row| {
        Ok(SessionSummary {
            public_id: row.text(0)?,
            token_hash: row.text(1)?,
            user_agent: row.text(2)?,
            address: row.text(3)?,
            created_at: row.int(4)?,
            last_seen_at: row.int(5)?,
        })
    };
    rows.iter().map(listed).collect()
}

/// Whether there are sessions, and every one of them has expired.
pub async fn have_all_expired(db: &Db, now: i64) -> Result<bool, DbError> {
    let last = db.read("SELECT expires_at FROM sessions ORDER BY expires_at DESC LIMIT 1", &[]).await?;
    Ok(last.first().map(|row| row.int(0)).transpose()?.is_some_and(|expires_at| expires_at <= now))
}

/// Deletes up to `limit` expired sessions and queues the revocation of their chat tokens. Returns their users.
pub async fn delete_expired(db: &Db, now: i64, limit: i64) -> Result<Vec<String>, DbError> {
    let mut tx = db.begin().await?;
    // What another transaction has locked is ending, or is left to the next sweep: two that lock several sessions each
    // could otherwise wait for each other.
    let sql = tx.pick(
        "DELETE FROM sessions WHERE token_hash IN
           (SELECT token_hash FROM sessions WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)
         RETURNING user_id, chat_token_sealed",
        "DELETE FROM sessions WHERE token_hash IN
           (SELECT token_hash FROM sessions WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2
            FOR UPDATE SKIP LOCKED)
         RETURNING user_id, chat_token_sealed",
    );
    let ended = tx.run(sql, values![now, limit]).await?;
    revoke_chat_tokens(&mut tx, &ended.rows, now).await?;
    tx.commit().await?;
    ended.rows.iter().map(|row| row.text(0)).collect()
}

/// Rows are (user id, sealed chat token).
async fn revoke_chat_tokens(tx: &mut Tx, rows: &[Row], now: i64) -> Result<(), DbError> {
    let mut tokens = Vec::with_capacity(rows.len());
    for row in rows {
        let (user_id, sealed) = (row.text(0)?, row.text(1)?);
        if !sealed.is_empty() {
            tokens.push((user_id, sealed));
        }
    }
    if tokens.is_empty() { Ok(()) } else { job_queue::revoke_tokens(tx, tokens, now).await }
}

/// Puts `new` in the place of the session's sealed chat token `old`. Says no, and changes nothing, when
/// the session has ended or has another token by now.
pub async fn replace_chat_token(
    tx: &mut Tx,
    token_hash: &str,
    old: &str,
    new: &str,
) -> Result<bool, DbError> {
    let done = tx
        .run(
            "UPDATE sessions SET chat_token_sealed = $3 WHERE token_hash = $1 AND chat_token_sealed = $2",
            values![token_hash, old, new],
        )
        .await?;
    Ok(done.affected == 1)
}

/// The sealed chat tokens that live sessions of this user hold, each with its session's public id; a thousand of them,
/// after the session with the public id `after`.
pub async fn list_chat_tokens(db: &Db, user_id: &str, after: &str) -> Result<Vec<(String, String)>, DbError> {
    let sql = "SELECT public_id, chat_token_sealed FROM sessions
               WHERE user_id = $1 AND public_id > $2 AND chat_token_sealed <> ''
               ORDER BY public_id LIMIT 1000";
    let rows = db.read(sql, values![user_id, after]).await?;
    rows.iter().map(|row| Ok((row.text(0)?, row.text(1)?))).collect()
}
