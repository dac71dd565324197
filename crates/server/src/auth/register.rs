//! Registration: creates a user here and at CometChat, and logs them in.

use crate::auth::AccountError;
use crate::auth::login::{self, ClientInfo, LoginSuccess};
use crate::db::DbError;
use crate::passwords::{HashError, Password};
use crate::sessions::{self, NewSession, SessionOrigin, Token};
use crate::state::AppState;
use crate::throttle::{self, device_cookie::DeviceBinding};
use crate::users::{self, User};
use std::time::Duration;

/// The validated and trimmed input of a registration.
pub struct Registration {
    pub email: String,
    pub name: String,
    pub password: Password,
}

/// Creates an account and starts a session. The user exists here from the commit on, and at CometChat when the call or
/// the enqueued job succeeds.
pub async fn register(
    state: &AppState,
    registration: Registration,
    client: ClientInfo,
) -> Result<LoginSuccess, AccountError> {
    let Registration { email, name, password } = registration;
    login::limit_address(state, &client)?;
    state.hasher.check_load()?;
    check_password(state, &password, &[&email, &name]).await?;
    if users::find_by_email(&state.db, &email).await?.is_some() {
        return Err(AccountError::EmailTaken);
    }
    let hash = state.hasher.hash(password).await?;

    let user = User { id: uuid::Uuid::new_v4().to_string(), email, name };
    let session = Token::generate();
    let origin = SessionOrigin { user_agent: client.user_agent, address: client.address.to_string() };
    let now = state.clock.now();
    throttle::clear_excess(&state.db, &user.email).await?;
    let mut tx = state.db.begin().await?;
    users::insert(&mut tx, &user, Some(&hash), now).await.map_err(|error| match error {
        DbError::Duplicate => AccountError::EmailTaken,
        error => error.into(),
    })?;
    // Failures that were counted for this address before the account existed must not lock it.
    throttle::unlock(&mut tx, &user.email, now).await?;
    let pending_user = state.chat.enqueue_new_user(&mut tx, &user.id).await?;
    let new_session = NewSession {
        token: &session,
        user_id: &user.id,
        password: None,
        origin: &origin,
        chat_token: None,
        replaces: client.current_session.as_ref(),
    };
    sessions::create(&mut tx, new_session, state.session_lifetime, now).await?;
    tx.commit().await?;
    state.audit.registered(&user.id, client.address);

    let minted = login::token_or_none(state.chat.create_with_token(&user, pending_user).await);
    let chat_token = match minted {
        Some(minted) => {
            match login::store_chat_token(state, &user.id, &session.hash(), None, &minted).await {
                Ok(is_stored) => is_stored.then_some(minted.token),
                Err(error) => {
                    // The account exists. A worker revokes the token, and the page requests another.
                    tracing::error!(user = user.id, %error, "chat token not stored");
                    None
                }
            }
        }
        None => None,
    };
    state.chat.wake();
    let binding = DeviceBinding { user_id: &user.id, password_version: now };
    let device_cookie = Some(state.device_cookies.issue(binding, None));
    Ok(LoginSuccess { user, session, device_cookie, chat_token })
}

/// Time that the check of a new password waits for its turn.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

/// Checks a new password against the policy. It must not consist of `about`, the user's email and name.
pub(super) async fn check_password(
    state: &AppState,
    password: &Password,
    about: &[&str],
) -> Result<(), AccountError> {
    let (password, min_chars) = (password.clone(), state.password_min_length);
    let about: Vec<String> = about.iter().map(|text| (*text).to_owned()).collect();
    // One at a time: a check takes up to ten milliseconds of a processor, so hundreds fit into the timeout.
    let turn = tokio::time::timeout(CHECK_TIMEOUT, state.policy_check_slots.acquire()).await;
    let _turn = turn.map_err(|_| HashError::Overloaded)?;
    let checked = tokio::task::spawn_blocking(move || {
        let about: Vec<&str> = about.iter().map(String::as_str).collect();
        password.check(min_chars, &about)
    });
    Ok(checked.await.map_err(AccountError::TaskFailed)??)
}
