//! Login, logout and chat tokens of a session.
//!
//! A login checks the rate limits, verifies the password, requests a chat token and creates the session. Every failed
//! login gives the same response in the same time, so that it does not reveal which accounts exist.

use crate::auth::AccountError;
use crate::cometchat::{MintError, MintedToken, job_queue};
use crate::db::{Db, DbError};
use crate::params;
use crate::passwords::{Password, Verification};
use crate::sessions::{self, NewSession, Session, SessionOrigin, Token, VerifiedPassword, chat_tokens};
use crate::state::AppState;
use crate::telemetry::audit::LoginFailureReason;
use crate::throttle::device_cookie::{DeviceBinding, DeviceCookie};
use crate::throttle::lockout::{Failures, Lockout};
use crate::throttle::{self, AttemptFailures, AttemptKeys, ThrottleState, user_limit::Action};
use crate::users::email::email_key;
use crate::users::{self, Credentials, User, assertions};
use shared::Secret;
use std::net::IpAddr;
use std::time::Duration;

/// The client of a request.
pub struct ClientInfo {
    pub address: IpAddr,
    pub user_agent: String,
    /// See [`throttle::device_cookie`].
    pub device_cookie: Option<String>,
    /// The browser's present session, if any. It ends when a new one begins.
    pub current_session: Option<Token>,
}

/// A successful login.
pub struct LoginSuccess {
    pub user: User,
    pub session: Token,
    /// `None` after a login by assertion.
    pub device_cookie: Option<String>,
    /// `None` if CometChat cannot create a token now.
    pub chat_token: Option<Secret>,
}

/// Logs a user in to the app and, if it is reachable, to CometChat.
pub async fn login(
    state: &AppState,
    email: &str,
    password: Password,
    client: ClientInfo,
) -> Result<LoginSuccess, AccountError> {
    let (user, verified) = verify_credentials(state, email, password, &client).await?;
    limit_user(state, Action::Login, &user.id, client.address)?;
    start_session(state, user, Evidence::Password(verified), client).await
}

/// The evidence that authenticated a user. It may be outdated when the session begins.
pub enum Evidence {
    Password(VerifiedPassword),
    Assertion { issued_at: i64 },
}

/// Starts a session for this user, with a chat token if CometChat is reachable.
///
/// # Errors
/// [`AccountError::WrongCredentials`] if the evidence is outdated: the password has changed, or the user was deleted or
/// locked.
pub async fn start_session(
    state: &AppState,
    user: User,
    evidence: Evidence,
    client: ClientInfo,
) -> Result<LoginSuccess, AccountError> {
    let minted = token_or_none(state.chat.mint(&user).await);

    let session = Token::generate();
    let now = state.clock.now();
    let origin = SessionOrigin { user_agent: client.user_agent, address: client.address.to_string() };
    let mut tx = state.db.begin().await?;
    let password = match &evidence {
        Evidence::Password(password) => Some(password),
        Evidence::Assertion { issued_at } => {
            if assertions::find_refusal(&mut tx, &user.id, *issued_at).await?.is_some() {
                return Err(AccountError::WrongCredentials);
            }
            None
        }
    };
    let new_session = NewSession {
        token: &session,
        user_id: &user.id,
        password,
        origin: &origin,
        chat_token: minted.as_ref(),
        replaces: client.current_session.as_ref(),
    };
    let created = sessions::create(&mut tx, new_session, state.session_lifetime, now).await?;
    let over_limit = created.ok_or(AccountError::WrongCredentials)?;
    tx.commit().await?;

    if client.current_session.is_some() || over_limit > 0 {
        state.chat.wake();
    }
    if over_limit > 0 {
        state.audit.sessions_ended(&user.id, Some(client.address), "over_limit", over_limit);
    }
    state.audit.logged_in(&user.id, client.address, minted.is_some());
    let device_cookie = password.map(|password| {
        let binding = DeviceBinding { user_id: &user.id, password_version: password.password_version };
        let known = client.device_cookie.as_deref().and_then(DeviceCookie::read);
        let known = known.filter(|cookie| state.device_cookies.verify(cookie, binding));
        state.device_cookies.issue(binding, known.map(|cookie| cookie.device))
    });
    Ok(LoginSuccess { device_cookie, user, session, chat_token: minted.map(|minted| minted.token) })
}

/// Verifies a user's password, within the limits.
pub async fn verify_credentials(
    state: &AppState,
    email: &str,
    password: Password,
    client: &ClientInfo,
) -> Result<(User, VerifiedPassword), AccountError> {
    let (db, now) = (&state.db, state.clock.now());

    // The limits come first, so that they do not depend on whether the account exists.
    limit_address(state, client)?;
    let cookie = client.device_cookie.as_deref().and_then(DeviceCookie::read);
    let mut keys = AttemptKeys::new(email, client.address, cookie.as_ref().map(|cookie| &cookie.device));
    state.hasher.check_load()?;
    let LoginState { failures, credentials } = load_login_state(db, email, &keys).await?;
    if let Some(cookie) = cookie {
        // Verified also without an account, against an id of the same length: the time must be the same.
        let no_account =
            DeviceBinding { user_id: "00000000-0000-0000-0000-000000000000", password_version: 0 };
        let binding = credentials.as_ref().map_or(no_account, Credentials::device_binding);
        if !state.device_cookies.verify(&cookie, binding) {
            keys = keys.without_device();
        }
    }
    let ThrottleState { lockout, has_failures, account } = throttle::evaluate(&keys, failures, now);
    if let Lockout::RetryAfter(seconds) = lockout {
        let seconds = u64::try_from(seconds).unwrap_or(1);
        state.audit.throttled(client.address, "account", seconds);
        return Err(AccountError::TooManyAttempts { retry_after: Duration::from_secs(seconds) });
    }

    // A hash is computed also without an account, without a password and for a locked account: the time must be the
    // same.
    let stored = credentials.as_ref().and_then(|credentials| credentials.password_hash.clone());
    let network = throttle::token_bucket::network(client.address).to_string();
    let turn = state.hasher.reserve_turn([keys.account.clone(), network], &password);
    let verification = state.hasher.verify_in_turn(password.clone(), stored.as_deref(), &turn).await?;
    let (user_id, reason) = match (credentials, stored, verification) {
        (Some(credentials), Some(hash), Verification::Valid { needs_rehash })
            if lockout == Lockout::Allowed =>
        {
            state.hasher.give_back(&turn);
            if has_failures {
                throttle::record_success(db, &keys, account.is_none()).await?;
            }
            if needs_rehash {
                rehash(state, &credentials.user, &hash, password).await;
            }
            let password_version = credentials.password_version;
            return Ok((credentials.user, VerifiedPassword { password_version, account }));
        }
        (None, ..) => (String::new(), LoginFailureReason::UnknownUser),
        (Some(credentials), None, _) => (credentials.user.id, LoginFailureReason::NoPassword),
        (Some(credentials), ..) if lockout == Lockout::Locked => {
            (credentials.user.id, LoginFailureReason::Locked)
        }
        (Some(credentials), ..) => (credentials.user.id, LoginFailureReason::WrongPassword),
    };
    if verification != Verification::Unchecked {
        throttle::record_failure(db, &keys, now).await?;
        state.audit.login_failed(&user_id, client.address, reason);
    }
    // A failed login ends when the costliest kind of hash would: the time must not reveal the kind.
    turn.wait_for_end().await?;
    Err(AccountError::WrongCredentials)
}

/// The stored state of a login attempt.
pub struct LoginState {
    pub failures: AttemptFailures,
    pub credentials: Option<Credentials>,
}

/// Loads the counted failures and the account in one query: a visit to the database costs more than either part.
pub async fn load_login_state(db: &Db, email: &str, keys: &AttemptKeys) -> Result<LoginState, DbError> {
    #[derive(Default, sqlx::FromRow)]
    struct LoginRow {
        account_failures: Option<i64>,
        account_last_at: Option<i64>,
        network_failures: Option<i64>,
        network_last_at: Option<i64>,
        device_failures: Option<i64>,
        device_last_at: Option<i64>,
        id: Option<String>,
        email: Option<String>,
        name: Option<String>,
        password_hash: Option<String>,
        password_version: Option<i64>,
    }
    let row: Option<LoginRow> = db
        .fetch_optional(
            "SELECT a.failures AS account_failures, a.last_at AS account_last_at,
                    n.failures AS network_failures, n.last_at AS network_last_at,
                    d.failures AS device_failures, d.last_at AS device_last_at,
                    u.id, u.email, u.name, u.password_hash, u.password_version
             FROM (SELECT 1) AS attempt
             LEFT JOIN login_failures a ON a.key_hash = $1
             LEFT JOIN login_failures n ON n.key_hash = $2
             LEFT JOIN login_failures d ON d.key_hash = $3
             LEFT JOIN users u ON u.email_key = $4",
            params![&keys.account, &keys.network, keys.device.as_deref(), email_key(email)],
        )
        .await?;
    let row = row.unwrap_or_default();
    let failures = |count: Option<i64>, last_at: Option<i64>| {
        count.zip(last_at).map(|(count, last_at)| Failures { count, last_at })
    };
    let failures = AttemptFailures {
        account: failures(row.account_failures, row.account_last_at),
        network: failures(row.network_failures, row.network_last_at),
        device: failures(row.device_failures, row.device_last_at),
    };
    let credentials = match (row.id, row.email, row.name, row.password_version) {
        (Some(id), Some(email), Some(name), Some(password_version)) => Some(Credentials {
            user: User { id, email, name },
            password_hash: row.password_hash,
            password_version,
        }),
        _ => None,
    };
    Ok(LoginState { failures, credentials })
}

/// Takes one attempt from the bucket of this client's address.
pub fn limit_address(state: &AppState, client: &ClientInfo) -> Result<(), AccountError> {
    state.address_limit.take(client.address).map_err(|retry_after| {
        state.audit.throttled(client.address, "address", retry_after.as_secs() + 1);
        AccountError::TooManyAttempts { retry_after }
    })
}

/// Takes one action from this user's bucket.
pub fn limit_user(
    state: &AppState,
    action: Action,
    user_id: &str,
    address: IpAddr,
) -> Result<(), AccountError> {
    state.user_limit.take(action, user_id).map_err(|retry_after| {
        state.audit.throttled(address, "user", retry_after.as_secs() + 1);
        AccountError::TooManyAttempts { retry_after }
    })
}

/// Returns the token, or `None` if there is none: a login succeeds without it.
pub fn token_or_none(minted: Result<MintedToken, MintError>) -> Option<MintedToken> {
    match minted {
        Ok(minted) => Some(minted),
        // Logged with the cause.
        Err(MintError::Unavailable { .. } | MintError::UserDeactivated) => None,
        Err(error) => {
            tracing::error!(%error, "no chat token");
            None
        }
    }
}

/// Stores the password's hash with the present parameters. The login succeeds also if that fails.
async fn rehash(state: &AppState, user: &User, old: &str, password: Password) {
    let new = match state.hasher.hash(password).await {
        Ok(new) => new,
        Err(error) => return tracing::warn!(user = user.id, %error, "password not rehashed"),
    };
    let now = state.clock.now();
    if let Err(error) = users::replace_hash(&state.db, &user.id, old, &new, now).await {
        tracing::warn!(user = user.id, %error, "new password hash not stored");
    }
}

/// Ends a session, and enqueues the revocation of its chat token. A session that does not exist is not an error.
pub async fn logout(state: &AppState, token: &Token, address: IpAddr) -> Result<(), DbError> {
    let mut tx = state.db.begin().await?;
    let user_id = sessions::end(&mut tx, &token.hash(), state.clock.now()).await?;
    tx.commit().await?;
    if let Some(user_id) = user_id {
        state.chat.wake();
        state.audit.sessions_ended(&user_id, Some(address), "logged_out", 1);
    }
    Ok(())
}

/// Returns the session's chat token. Creates one if the session has none, or if `renew` is set; then the old one is
/// revoked. Returns `None` if the session has ended.
pub async fn chat_token(
    state: &AppState,
    session: &Session,
    renew: bool,
) -> Result<Option<Secret>, MintError> {
    let uid = &session.user.id;
    let old = session.chat_token_sealed.as_deref();
    if let Some(old) = old.filter(|_| !renew) {
        match state.chat.sealer.open(uid, old) {
            Ok(token) => return Ok(Some(Secret::new(token.as_str()))),
            Err(error) => tracing::warn!(user = uid, %error, "chat token not decrypted, creating another"),
        }
    }
    let limit = state.user_limit.take(Action::ChatToken, uid);
    limit.map_err(|retry_after| MintError::TooMany { retry_after })?;
    let minted = state.chat.mint(&session.user).await?;
    if store_chat_token(state, uid, &session.token_hash, old, &minted).await? {
        return Ok(Some(minted.token));
    }
    // The session has ended, or a concurrent request has stored a token first.
    match chat_tokens::find(&state.db, &session.token_hash).await? {
        Some(sealed) => match state.chat.sealer.open(uid, &sealed) {
            Ok(token) => Ok(Some(Secret::new(token.as_str()))),
            // An instance with another key stored it. The next request replaces it.
            Err(_) => Err(MintError::Unavailable { retry_after: Duration::from_secs(1) }),
        },
        None => Ok(None),
    }
}

/// Replaces the session's chat token `old` by a new one, and enqueues the revocation of the old one. Returns `false` if
/// the session has ended or has another token: then the new token is revoked.
pub async fn store_chat_token(
    state: &AppState,
    uid: &str,
    token_hash: &str,
    old: Option<&str>,
    minted: &MintedToken,
) -> Result<bool, DbError> {
    let now = state.clock.now();
    let mut tx = state.db.begin().await?;
    let is_stored = chat_tokens::replace(&mut tx, token_hash, old, &minted.sealed).await?;
    if !is_stored {
        // The user may have been deleted, and the token request may have created them again at CometChat.
        job_queue::enqueue_sync(&mut tx, uid, now).await?;
    }
    let unused = if is_stored { old } else { Some(minted.sealed.as_str()) };
    if let Some(sealed) = unused {
        job_queue::enqueue_revocations(&mut tx, [(uid.to_owned(), sealed.to_owned())], now).await?;
    }
    minted.confirm(&mut tx).await?;
    tx.commit().await?;
    if unused.is_some() {
        state.chat.wake();
    }
    Ok(is_stored)
}
