//! Signing in and out, and proving who one is: the order of things, across accounts, passwords, throttle,
//! chat and sessions.
//!
//! Each step is some other module's; this one owns only that they happen in this order and that every
//! failed attempt looks and costs the same. Knows nothing of HTTP or of the wire.

use crate::auth::AccountError;
use crate::cometchat::{MintError, MintedToken, job_queue};
use crate::db::{Db, DbError, Row};
use crate::passwords::{Password, Verification};
use crate::sessions::{self, NewSession, Session, SessionOrigin, Token, VerifiedPassword};
use crate::state::AppState;
use crate::telemetry::audit::LoginFailureReason;
use crate::throttle::{
    self, AttemptKeys, device_cookie::DeviceBinding, device_cookie::DeviceCookie, lockout::Lockout,
    user_limit::Action,
};
use crate::users::assertions;
use crate::users::{self, Credentials, User, email_key};
use crate::values;
use shared::Secret;
use std::net::IpAddr;
use std::time::Duration;

/// Who asks: what is known of the browser.
pub struct ClientInfo {
    pub address: IpAddr,
    pub user_agent: String,
    /// What says that this browser is known; see [`throttle::device`].
    pub device_cookie: Option<String>,
    /// The session that this browser has already, if any: it ends when a new one begins.
    pub current_session: Option<Token>,
}

/// A sign-in that went well.
pub struct LoginSuccess {
    pub user: User,
    pub session: Token,
    /// `None`: nothing was proven that a browser could be known for.
    pub device_cookie: Option<String>,
    /// `None`: CometChat could not give one now.
    pub chat_token: Option<Secret>,
}

/// Signs somebody in to the app and, if it can be reached, to CometChat.
pub async fn login(
    state: &AppState,
    email: &str,
    password: Password,
    client: ClientInfo,
) -> Result<LoginSuccess, AccountError> {
    let (user, proof) = verify_credentials(state, email, password, &client).await?;
    limit_user(state, Action::SignIn, &user.id, client.address)?;
    start_session(state, user, Evidence::Password(proof), client).await
}

/// What has proven who signs in. It may be worth nothing any more when the session begins.
pub enum Evidence {
    Password(VerifiedPassword),
    Assertion { issued_at: i64 },
}

/// Begins a session of this user, unless the evidence is worth nothing any more.
pub async fn start_session(
    state: &AppState,
    user: User,
    evidence: Evidence,
    client: ClientInfo,
) -> Result<LoginSuccess, AccountError> {
    let minted = token_or_none(state.chat.mint(&user).await);

    let session = Token::generate();
    let now = state.clock.now();
    let device = SessionOrigin { user_agent: client.user_agent, address: client.address.to_string() };
    let proof = match &evidence {
        Evidence::Password(proof) => Some(proof),
        Evidence::Assertion { .. } => None,
    };
    let issue = NewSession {
        token: &session,
        user_id: &user.id,
        proof,
        device: &device,
        chat_token: minted.as_ref(),
        replaces: client.current_session.as_ref(),
    };
    let mut tx = state.db.begin().await?;
    if let Evidence::Assertion { issued_at } = evidence
        && assertions::find_refusal(&mut tx, &user.id, issued_at).await?.is_some()
    {
        return Err(AccountError::WrongCredentials);
    }
    let issued = sessions::create(tx, issue, state.session_lifetime, now).await?;
    // Changed, deleted or shut while CometChat was asked: what was proven holds no more.
    let excess = issued.ok_or(AccountError::WrongCredentials)?;
    if client.current_session.is_some() || excess > 0 {
        state.chat.wake();
    }
    if excess > 0 {
        state.audit.sessions_ended(&user.id, Some(client.address), "over_limit", excess);
    }
    state.audit.logged_in(&user.id, client.address, minted.is_some());
    let device_cookie = proof.map(|proof| {
        let opened = DeviceBinding { user_id: &user.id, password_version: proof.password_version };
        let known = client.device_cookie.as_deref().and_then(DeviceCookie::read);
        let known = known.filter(|claim| state.device_cookies.verify(claim, opened));
        state.device_cookies.issue(opened, known.map(|claim| claim.device))
    });
    Ok(LoginSuccess { device_cookie, user, session, chat_token: minted.map(|minted| minted.token) })
}

/// Whose password this is, if the limits let the question be asked.
pub async fn verify_credentials(
    state: &AppState,
    email: &str,
    password: Password,
    client: &ClientInfo,
) -> Result<(User, VerifiedPassword), AccountError> {
    let (db, now) = (&state.db, state.clock.now());

    // Limits first, before the account is looked up, so that they say nothing of whether it exists.
    limit_address(state, client)?;
    let claim = client.device_cookie.as_deref().and_then(DeviceCookie::read);
    let mut subject = AttemptKeys::new(email, client.address, claim.as_ref().map(|claim| &claim.device));
    // Nothing more is done for who would wait too long for a hash.
    state.hasher.check_load()?;
    let (counted, found) = load_login_state(db, email, &subject).await?;
    if let Some(claim) = claim {
        // Also for nobody's account, with as long an id: the time must not tell.
        let nobody = DeviceBinding { user_id: "00000000-0000-0000-0000-000000000000", password_version: 0 };
        let opened = found.as_ref().map_or(nobody, Credentials::device_binding);
        if !state.device_cookies.verify(&claim, opened) {
            subject = subject.without_device();
        }
    }
    let throttle::ThrottleState { standing, has_failed, account } =
        throttle::evaluate(&subject, &counted, now)?;
    if let Lockout::RetryAfter(seconds) = standing {
        let seconds = u64::try_from(seconds).unwrap_or(1);
        state.audit.throttled(client.address, "account", seconds);
        return Err(AccountError::TooManyAttempts { retry_after: Duration::from_secs(seconds) });
    }

    let stored = found.as_ref().and_then(|found| found.password_hash.clone());
    // Also without a user or a password, and when it cannot help: the time must not tell.
    let network = throttle::token_bucket::network(client.address).to_string();
    let turn = {
        let [account, ..] = subject.keys();
        state.hasher.reserve_turn([account.to_owned(), network])
    };
    let verdict = state.hasher.verify_in_turn(password.clone(), stored.as_deref(), &turn).await?;
    let (user, reason) = match (found, stored, verdict) {
        (Some(found), Some(hash), Verification::Valid { needs_rehash: outdated })
            if standing == Lockout::Allowed =>
        {
            state.hasher.give_back(&turn);
            if has_failed {
                throttle::record_success(db, &subject, account.is_none()).await?;
            }
            if outdated {
                rehash(state, &found.user, &hash, password).await;
            }
            let account = account.unwrap_or_default();
            return Ok((found.user, VerifiedPassword { password_version: found.password_version, account }));
        }
        (None, ..) => (String::new(), LoginFailureReason::UnknownUser),
        (Some(found), None, _) => (found.user.id, LoginFailureReason::NoPassword),
        (Some(found), ..) if standing == Lockout::Locked => (found.user.id, LoginFailureReason::Locked),
        (Some(found), ..) => (found.user.id, LoginFailureReason::WrongPassword),
    };
    if verdict != Verification::Unchecked {
        throttle::record_failure(db, &subject, now).await?;
        state.audit.login_failed(&user, client.address, reason);
    }
    // However long the check took: the time must not tell which hash there is.
    turn.wait_for_end().await?;
    Err(AccountError::WrongCredentials)
}

/// What is counted for this subject (see [`throttle::found`]), and who has the address: in one visit to the
/// database, since the way there and back costs more than either. What was found of the account is looked at when the
/// count lets it be.
pub async fn load_login_state(
    db: &Db,
    email: &str,
    subject: &AttemptKeys,
) -> Result<(Vec<Row>, Option<Credentials>), DbError> {
    let [account, network, device] = subject.keys();
    let rows = db
        .read(
            "SELECT key_hash, '', '', '', failures, last_at FROM login_failures WHERE key_hash IN ($1, $2, $3)
             UNION ALL
             SELECT id, email, name, password_hash, password_version, -1 FROM users WHERE email_key = $4",
            values![account, network, device, email_key(email)],
        )
        .await?;
    // Only a user's row has a time before 1970.
    let (mut counted, mut users) = (Vec::new(), Vec::new());
    for row in rows {
        if row.int(5)? < 0 { &mut users } else { &mut counted }.push(row);
    }
    let user = users.first().map(users::credentials).transpose()?;
    Ok((counted, user))
}

/// Takes one attempt out of the bucket of this client's address.
pub fn limit_address(state: &AppState, client: &ClientInfo) -> Result<(), AccountError> {
    state.address_limit.take(client.address).map_err(|retry_after| {
        state.audit.throttled(client.address, "address", retry_after.as_secs() + 1);
        AccountError::TooManyAttempts { retry_after }
    })
}

/// Takes one action out of this user's bucket.
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

/// A token, or none where CometChat cannot give one: nobody is kept out for that.
pub fn token_or_none(minted: Result<MintedToken, MintError>) -> Option<MintedToken> {
    match minted {
        Ok(minted) => Some(minted),
        Err(MintError::Unavailable { .. }) => None,
        Err(error) => {
            tracing::error!(%error, "no chat token");
            None
        }
    }
}

/// Stores the password under today's parameters. The sign-in goes on without it.
async fn rehash(state: &AppState, user: &User, old: &str, password: Password) {
    let new = match state.hasher.hash(password).await {
        Ok(new) => new,
        Err(error) => return tracing::warn!(user = user.id, %error, "the password was not rehashed"),
    };
    let now = state.clock.now();
    if let Err(error) = users::replace_hash(&state.db, &user.id, old, &new, now).await {
        tracing::warn!(user = user.id, %error, "the new hash was not stored");
    }
}

/// Ends a session and, at once or later, its chat token. No session with this token is no fault: what
/// was asked for is so.
pub async fn logout(state: &AppState, token: &Token, address: IpAddr) -> Result<(), DbError> {
    let mut tx = state.db.begin().await?;
    let user = sessions::end(&mut tx, &token.hash(), state.clock.now()).await?;
    tx.commit().await?;
    if let Some(user) = user {
        state.chat.wake();
        state.audit.sessions_ended(&user, Some(address), "signed_out", 1);
    }
    Ok(())
}

/// The chat token of this session: the one that it has, or a new one when it has none or `renew` asks
/// for it. The one that is replaced gets revoked. `None` when the session has ended meanwhile.
pub async fn chat_token(
    state: &AppState,
    session: &Session,
    renew: bool,
) -> Result<Option<Secret>, MintError> {
    let old = session.chat_token_sealed.as_str();
    if !old.is_empty() && !renew {
        match state.chat.sealer.open(&session.user.id, old) {
            Ok(token) => return Ok(Some(Secret::new(token.as_str()))),
            Err(error) => tracing::warn!(user = session.user.id, %error, "minting another chat token"),
        }
    }
    let uid = &session.user.id;
    let within = state.user_limit.take(Action::ChatToken, uid);
    within.map_err(|retry_after| MintError::TooMany { retry_after })?;
    let minted = state.chat.mint(&session.user).await?;
    if store_chat_token(state, uid, &session.token_hash, old, &minted).await? {
        return Ok(Some(minted.token));
    }
    // Another request of this session was quicker, if it has not ended.
    let sealed = sessions::chat_token(&state.db, &session.token_hash).await?;
    let sealed = sealed.filter(|sealed| !sealed.is_empty());
    Ok(match sealed {
        // Of an instance with another key, whose token the next try replaces.
        Some(sealed) => match state.chat.sealer.open(uid, &sealed) {
            Ok(token) => Some(Secret::new(token.as_str())),
            Err(_) => return Err(MintError::Unavailable { retry_after: Duration::from_secs(1) }),
        },
        None => None,
    })
}

/// Puts a minted token in the place of the session's `old` one, which is to be revoked. Where the session
/// has ended or got another token meanwhile, it is the new one that is to be revoked, and the answer no.
pub async fn store_chat_token(
    state: &AppState,
    uid: &str,
    token_hash: &str,
    old: &str,
    minted: &MintedToken,
) -> Result<bool, DbError> {
    let mut tx = state.db.begin().await?;
    let kept = sessions::replace_chat_token(&mut tx, token_hash, old, &minted.sealed).await?;
    let needless = if kept { old } else { &minted.sealed };
    if !kept {
        // The user may be gone too, and CometChat's answer to the mint have been to make them anew.
        job_queue::sync_user(&mut tx, uid, state.clock.now()).await?;
    }
    let has_job = !kept || !needless.is_empty();
    if !needless.is_empty() {
        let needless = (uid.to_owned(), needless.to_owned());
        job_queue::revoke_tokens(&mut tx, [needless], state.clock.now()).await?;
    }
    minted.confirm(tx).await?;
    if has_job {
        state.chat.wake();
    }
    Ok(kept)
}
