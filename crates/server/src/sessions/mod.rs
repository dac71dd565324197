//! Sessions: their rows and queries.
//!
//! A session expires when it was idle for too long, and at a maximum age. The server enforces both, not the cookie.

pub mod chat_tokens;
pub mod end;
pub mod limit;
pub mod rotation;
mod token;

pub use end::{delete_expired, end, end_by_public_id, end_others};
pub use limit::{MAX_SESSIONS_PER_USER, end_excess};
pub use token::Token;

use crate::cometchat::MintedToken;
use crate::db::{Db, DbError, Tx};
use crate::params;
use crate::throttle::lockout;
use crate::users::User;

/// Interval at which `last_seen_at` is written, in seconds. Most session checks then only read.
const TOUCH_INTERVAL_SECONDS: i64 = 5 * 60;
/// Characters of a user agent that are stored, for the user to recognize the browser by.
const MAX_USER_AGENT_CHARS: usize = 300;

/// The lifetime of sessions, in seconds.
#[derive(Debug, Clone, Copy)]
pub struct Lifetime {
    /// Time without use after which a session expires.
    pub idle: i64,
    /// Age at which a session expires.
    pub max: i64,
}

impl Lifetime {
    fn expires_at(self, created_at: i64, seen_at: i64) -> i64 {
        seen_at.saturating_add(self.idle).min(created_at.saturating_add(self.max))
    }
}

/// The browser and the address that a session began from, for the user to recognize it by.
#[derive(Debug, Clone)]
pub struct SessionOrigin {
    pub user_agent: String,
    pub address: String,
}

/// An active session and its user.
#[derive(Debug, Clone)]
pub struct Session {
    pub token_hash: String,
    pub user: User,
    /// `None` if the session has no chat token yet.
    pub chat_token_sealed: Option<String>,
}

/// A password that was correct when it was checked. It may have changed since.
pub struct VerifiedPassword {
    pub password_version: i64,
    /// The key of the account's failures ([`crate::throttle`]), which may have locked the account since. `None` if
    /// they do not count for this browser.
    pub account: Option<String>,
}

/// A session to create.
pub struct NewSession<'a> {
    pub token: &'a Token,
    pub user_id: &'a str,
    /// The password that authenticated the user, if one did.
    pub password: Option<&'a VerifiedPassword>,
    pub origin: &'a SessionOrigin,
    pub chat_token: Option<&'a MintedToken>,
    /// The browser's earlier session, which ends.
    pub replaces: Option<&'a Token>,
}

/// Creates a session. Returns how many sessions ended because the user has too many ([`limit`]), or `None` if the user
/// is gone, the password has changed, or the account has been locked since: drop the transaction.
pub async fn create(
    tx: &mut Tx,
    session: NewSession<'_>,
    lifetime: Lifetime,
    now: i64,
) -> Result<Option<usize>, DbError> {
    let NewSession { token, user_id, password, origin, chat_token, replaces } = session;
    let user_agent: String = origin.user_agent.chars().take(MAX_USER_AGENT_CHARS).collect();
    let public_id = uuid::Uuid::now_v7().simple().to_string();
    // One statement checks the user and inserts the session, so that the password cannot change, the user cannot be
    // deleted and the account cannot be locked in between; on PostgreSQL, the row lock ensures it. The same visit to
    // the database confirms the chat token. Without a session, its note stays, and a worker revokes the token.
    let sql = tx.dialect(
        "INSERT INTO sessions (token_hash, public_id, user_id, created_at, last_seen_at, expires_at,
                               user_agent, address, chat_token_sealed)
         SELECT $1, $2, id, $4, $4, $5, $6, $7, $8
         FROM users WHERE id = $3 AND ($9 IS NULL OR password_version = $9)
           AND NOT EXISTS (SELECT 1 FROM login_failures WHERE key_hash = $11 AND failures >= $12)
         RETURNING 1;
         DELETE FROM chat_jobs WHERE id = $10 AND EXISTS (SELECT 1 FROM sessions WHERE token_hash = $1)",
        "WITH owner AS (SELECT id FROM users WHERE id = $3 AND ($9 IS NULL OR password_version = $9)
                        AND NOT EXISTS (SELECT 1 FROM login_failures WHERE key_hash = $11 AND failures >= $12)
                        FOR UPDATE),
              created AS (INSERT INTO sessions (token_hash, public_id, user_id, created_at, last_seen_at, expires_at,
                                                user_agent, address, chat_token_sealed)
                          SELECT $1, $2, id, $4, $4, $5, $6, $7, $8 FROM owner RETURNING 1),
              confirmed AS (DELETE FROM chat_jobs WHERE id = $10 AND EXISTS (SELECT 1 FROM created))
         SELECT 1 FROM created",
    );
    let params = params![
        token.hash(),
        public_id,
        user_id,
        now,
        lifetime.expires_at(now, now),
        user_agent,
        &origin.address,
        chat_token.map(|minted| minted.sealed.as_str()),
        password.map(|password| password.password_version),
        chat_token.map(|minted| minted.pending_token_id.as_str()),
        password.and_then(|password| password.account.as_deref()),
        lockout::MAX_FAILURES,
    ];
    if !tx.exists(sql, params).await? {
        return Ok(None);
    }
    if let Some(replaced) = replaces {
        end(tx, &replaced.hash(), now).await?;
    }
    Ok(Some(limit::end_excess_batch(tx, user_id, Some(&token.hash()), now).await?))
}

/// Returns the active session with this token, and extends its idle time.
pub async fn find_active(
    db: &Db,
    token: &Token,
    lifetime: Lifetime,
    now: i64,
) -> Result<Option<Session>, DbError> {
    #[derive(sqlx::FromRow)]
    struct ActiveSession {
        #[sqlx(flatten)]
        user: User,
        chat_token_sealed: Option<String>,
        created_at: i64,
        last_seen_at: i64,
    }
    let token_hash = token.hash();
    let found: Option<ActiveSession> = db
        .fetch_optional(
            "SELECT u.id, u.email, u.name, s.chat_token_sealed, s.created_at, s.last_seen_at
             FROM sessions s JOIN users u ON u.id = s.user_id
             WHERE s.token_hash = $1 AND s.expires_at > $2",
            params![&token_hash, now],
        )
        .await?;
    let Some(found) = found else { return Ok(None) };
    if now - found.last_seen_at >= TOUCH_INTERVAL_SECONDS {
        let touched = db
            .execute(
                "UPDATE sessions SET last_seen_at = $2, expires_at = $3 WHERE token_hash = $1 AND expires_at > $2",
                params![&token_hash, now, lifetime.expires_at(found.created_at, now)],
            )
            .await;
        match touched {
            // For example a full disk. The database can still be read, so the request goes on.
            Err(DbError::Unavailable(cause)) => tracing::warn!(cause, "session not extended"),
            touched => drop(touched?),
        }
    }
    Ok(Some(Session { token_hash, user: found.user, chat_token_sealed: found.chat_token_sealed }))
}

/// A session in its user's list.
#[derive(sqlx::FromRow)]
pub struct SessionSummary {
    pub public_id: String,
    pub token_hash: String,
    pub user_agent: String,
    pub address: String,
    pub created_at: i64,
    pub last_seen_at: i64,
}

/// Returns this user's active sessions, the last seen first. It reads at most [`MAX_SESSIONS_PER_USER`] rows.
pub async fn list(db: &Db, user_id: &str, now: i64) -> Result<Vec<SessionSummary>, DbError> {
    db.fetch_all(
        "SELECT public_id, token_hash, user_agent, address, created_at, last_seen_at
         FROM (SELECT * FROM sessions WHERE user_id = $1
               ORDER BY last_seen_at DESC, public_id DESC LIMIT $3) AS latest
         WHERE expires_at > $2 ORDER BY last_seen_at DESC, public_id DESC",
        params![user_id, now, MAX_SESSIONS_PER_USER],
    )
    .await
}

/// Returns whether there are sessions and all of them have expired.
pub async fn have_all_expired(db: &Db, now: i64) -> Result<bool, DbError> {
    let sql = "SELECT expires_at FROM sessions ORDER BY expires_at DESC LIMIT 1";
    let last: Option<(i64,)> = db.fetch_optional(sql, params![]).await?;
    Ok(last.is_some_and(|(expires_at,)| expires_at <= now))
}
