//! Signing in and out: the order of things, across accounts, passwords, throttle, chat and sessions.
//!
//! Each step is some other module's; this one owns only that they happen in this order and that every
//! failed sign-in looks and costs the same. Knows nothing of HTTP or of the wire.

use crate::accounts::{self, Credentials, User};
use crate::app::Services;
use crate::chat::{MintError, Minted, jobs};
use crate::db::DbError;
use crate::passwords::{HashError, Password, Verdict};
use crate::sessions::{self, Device, Session, Token};
use crate::throttle::{self, Subject};
use shared::Secret;
use std::net::IpAddr;
use std::time::Duration;

/// Somebody's attempt to sign in.
pub struct Attempt {
    pub email: String,
    pub password: Password,
    pub address: IpAddr,
    pub user_agent: String,
    /// The session that this browser has already, if any: it ends with the new one's beginning.
    pub present: Option<Token>,
}

/// A sign-in that went well.
pub struct SignedIn {
    pub user: User,
    pub session: Token,
    /// `None`: CometChat could not give one now.
    pub chat_token: Option<Secret>,
}

#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// Wrong, unknown, or without a password: nobody outside learns which.
    #[error("the credentials are wrong")]
    WrongCredentials,
    #[error("too many attempts")]
    TooManyAttempts { retry_after: Duration },
    #[error(transparent)]
    Hash(#[from] HashError),
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Signs somebody in to the app and, if it can be reached, to CometChat.
pub async fn sign_in(services: &Services, attempt: Attempt) -> Result<SignedIn, SignInError> {
    let (db, now) = (&services.db, services.clock.now());

    // Limits first, before the account is looked up, so that they say nothing of whether it exists.
    services
        .address_limit
        .take(attempt.address)
        .map_err(|retry_after| SignInError::TooManyAttempts { retry_after })?;
    let subject = Subject::new(&attempt.email, attempt.address);
    let retry_after = throttle::wait(db, &subject, now).await?;
    if !retry_after.is_zero() {
        return Err(SignInError::TooManyAttempts { retry_after });
    }

    let found = accounts::find_by_email(db, &attempt.email).await?;
    let stored = found.as_ref().and_then(|found| found.password_hash.as_deref());
    // Also without a user or a password: the time must not tell.
    let verdict = services.hasher.verify(attempt.password.clone(), stored).await?;
    let (Verdict::Right { outdated }, Some(Credentials { user, password_hash: Some(hash) })) =
        (verdict, found)
    else {
        throttle::failed(db, &subject, now).await?;
        return Err(SignInError::WrongCredentials);
    };
    throttle::succeeded(db, &subject).await?;
    if outdated {
        rehash(services, &user, &hash, attempt.password).await;
    }

    let minted = match services.chat.mint(&user).await {
        Ok(minted) => Some(minted),
        Err(MintError::Unavailable { .. }) => None,
        Err(error) => {
            tracing::error!(%error, "no chat token");
            None
        }
    };

    let session = Token::generate();
    let device = Device { user_agent: attempt.user_agent, address: attempt.address.to_string() };
    let sealed = minted.as_ref().map_or("", |minted| minted.sealed.as_str());
    let now = services.clock.now();
    let mut tx = db.begin().await?;
    if let Some(present) = &attempt.present {
        sessions::end(&mut tx, &present.hash(), now).await?;
    }
    sessions::issue(&mut tx, &session, &user.id, &device, sealed, services.lifetime, now).await?;
    if let Some(minted) = &minted {
        minted.settle(&mut tx).await?;
    }
    tx.commit().await?;
    services.chat.wake();
    Ok(SignedIn { user, session, chat_token: minted.map(|minted| minted.token) })
}

/// Stores the password under today's parameters. The sign-in goes on without it.
async fn rehash(services: &Services, user: &User, old: &str, password: Password) {
    let new = match services.hasher.hash(password).await {
        Ok(new) => new,
        Err(error) => return tracing::warn!(user = user.id, %error, "the password was not rehashed"),
    };
    if let Err(error) = accounts::replace_hash(&services.db, &user.id, old, &new, services.clock.now()).await
    {
        tracing::warn!(user = user.id, %error, "the new hash was not stored");
    }
}

/// Ends a session and, at once or later, its chat token. No session with this token is no fault: what
/// was asked for is so.
pub async fn sign_out(services: &Services, token: &Token) -> Result<(), DbError> {
    let mut tx = services.db.begin().await?;
    sessions::end(&mut tx, &token.hash(), services.clock.now()).await?;
    tx.commit().await?;
    services.chat.wake();
    Ok(())
}

/// The chat token of this session: the one that it has, or a new one when it has none or `renew` asks
/// for it. The one that is replaced gets revoked. `None` when the session has ended meanwhile.
pub async fn chat_token(
    services: &Services,
    session: &Session,
    renew: bool,
) -> Result<Option<Secret>, MintError> {
    let old = session.chat_token_sealed.as_str();
    if !old.is_empty() && !renew {
        match services.chat.sealer.open(&session.user.id, old) {
            Ok(token) => return Ok(Some(Secret::new(token.as_str()))),
            Err(error) => tracing::warn!(user = session.user.id, %error, "minting another chat token"),
        }
    }
    let minted = services.chat.mint(&session.user).await?;
    let kept = keep(services, session, &minted).await?;
    services.chat.wake();
    Ok(kept.then_some(minted.token))
}

/// Puts a minted token in the place of the session's old one, which is to be revoked. Where the session
/// has ended or got another token meanwhile, it is the new one that is to be revoked.
async fn keep(services: &Services, session: &Session, minted: &Minted) -> Result<bool, DbError> {
    let (uid, old, now) = (&session.user.id, &session.chat_token_sealed, services.clock.now());
    let mut tx = services.db.begin().await?;
    minted.settle(&mut tx).await?;
    let kept = sessions::replace_chat_token(&mut tx, &session.token_hash, old, &minted.sealed).await?;
    let needless = if kept { old } else { &minted.sealed };
    if !needless.is_empty() {
        jobs::enqueue(&mut tx, &jobs::Job::revoke_token(uid, needless), now).await?;
    }
    tx.commit().await?;
    Ok(kept)
}
