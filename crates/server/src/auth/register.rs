//! Registration: a user here and at CometChat, signed in.

use crate::auth::AccountError;
use crate::auth::login::{self, ClientInfo, LoginSuccess};
use crate::db::DbError;
use crate::passwords::{HashError, Password};
use crate::sessions::{self, NewSession, SessionOrigin, Token};
use crate::state::AppState;
use crate::throttle::{self, device_cookie::DeviceBinding};
use crate::users::{User, find_by_email, insert};
use std::time::Duration;

/// What somebody who registers has typed, checked for its form and trimmed.
pub struct Registration {
    pub email: String,
    pub name: String,
    pub password: Password,
}

/// Makes the account and signs it in. From the commit on the user is there, in the end at CometChat too.
pub async fn register(
    state: &AppState,
    registration: Registration,
    client: ClientInfo,
) -> Result<LoginSuccess, AccountError> {
    let Registration { email, name, password } = registration;
    login::limit_address(state, &client)?;
    state.hasher.check_load()?;
    check_password(state, &password, &[&email, &name]).await?;
    if find_by_email(&state.db, &email).await?.is_some() {
        return Err(AccountError::EmailTaken);
    }
    let hash = state.hasher.hash(password).await?;

    let user = User { id: uuid::Uuid::new_v4().to_string(), email, name };
    let session = Token::generate();
    let device = SessionOrigin { user_agent: client.user_agent, address: client.address.to_string() };
    let now = state.clock.now();
    throttle::clear_excess(&state.db, &user.email).await?;
    let mut tx = state.db.begin().await?;
    insert(&mut tx, &user, &hash, now).await.map_err(|error| match error {
        DbError::Duplicate => AccountError::EmailTaken,
        error => error.into(),
    })?;
    // What was tried on this address while nobody had it must not keep out who has it now.
    throttle::unlock(&mut tx, &user.email, now).await?;
    let enrolment = state.chat.enqueue_new_user(&mut tx, &user.id).await?;
    let issue = NewSession {
        token: &session,
        user_id: &user.id,
        proof: None,
        device: &device,
        chat_token: None,
        replaces: client.current_session.as_ref(),
    };
    sessions::create(tx, issue, state.session_lifetime, now).await?;
    state.audit.registered(&user.id, client.address);

    let minted = login::token_or_none(state.chat.create_with_token(&user, enrolment).await);
    let chat_token = match minted {
        Some(minted) => match login::store_chat_token(state, &user.id, &session.hash(), "", &minted).await {
            Ok(kept) => kept.then_some(minted.token),
            Err(error) => {
                // The account stands. The token is found and revoked, and the page asks for another.
                tracing::error!(user = user.id, %error, "the chat token was not stored");
                None
            }
        },
        None => None,
    };
    state.chat.wake();
    let opened = DeviceBinding { user_id: &user.id, password_version: now };
    let device_cookie = Some(state.device_cookies.issue(opened, None));
    Ok(LoginSuccess { user, session, device_cookie, chat_token })
}

/// The longest that a new password waits to be judged.
const MAX_WAIT: Duration = Duration::from_secs(2);

/// Whether this may become the password of somebody who is called all of `about`.
pub(super) async fn check_password(
    state: &AppState,
    password: &Password,
    about: &[&str],
) -> Result<(), AccountError> {
    let (password, min_chars) = (password.clone(), state.password_min_length);
    let about: Vec<String> = about.iter().map(|text| (*text).to_owned()).collect();
    // One at a time: a password takes up to ten milliseconds of a processor, so hundreds have their turn in time.
    let turn = tokio::time::timeout(MAX_WAIT, state.policy_check_slots.acquire()).await;
    let _turn = turn.map_err(|_| HashError::Overloaded)?;
    let checked = tokio::task::spawn_blocking(move || {
        let about: Vec<&str> = about.iter().map(String::as_str).collect();
        password.check(min_chars, &about)
    });
    Ok(checked.await.map_err(AccountError::TaskFailed)??)
}
