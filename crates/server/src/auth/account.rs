//! Account changes of a logged-in user: name, password, deletion and the end of sessions.

use super::register::check_password;
use crate::auth::AccountError;
use crate::auth::login::{self, ClientInfo};
use crate::db::{DbError, Tx};
use crate::passwords::Password;
use crate::sessions::{self, Session, Token, VerifiedPassword, rotation};
use crate::state::AppState;
use crate::throttle::{self, device_cookie::DeviceBinding, user_limit::Action};
use crate::users::{self, User};
use std::net::IpAddr;

/// Renames the user, and enqueues the same for CometChat.
pub async fn rename(
    state: &AppState,
    session: &Session,
    name: &str,
    address: IpAddr,
) -> Result<User, AccountError> {
    if name == session.user.name {
        return Ok(session.user.clone());
    }
    login::limit_user(state, Action::Rename, &session.user.id, address)?;
    let mut tx = state.db.begin().await?;
    let renamed = users::rename(&mut tx, &session.user.id, name, state.clock.now()).await?;
    let user = renamed.ok_or(AccountError::UserDeleted)?;
    tx.commit().await?;
    state.chat.wake();
    state.audit.renamed(&user.id, address);
    Ok(user)
}

/// The browser's new cookies after a password change.
pub struct PasswordChange {
    pub session: Token,
    /// All device cookies for the old password are invalid.
    pub device_cookie: String,
}

/// Changes the password, replaces the present session, and ends all others.
pub async fn change_password(
    state: &AppState,
    session: &Session,
    current: Password,
    new: Password,
    client: &ClientInfo,
) -> Result<PasswordChange, AccountError> {
    let user = &session.user;
    // Before the costly check of the new password, which only the user may cause.
    let (_, verified) = login::verify_credentials(state, &user.email, current, client).await?;
    login::limit_user(state, Action::ChangePassword, &user.id, client.address)?;
    check_password(state, &new, &[&user.email, &user.name]).await?;
    let hash = state.hasher.hash(new).await?;
    let now = state.clock.now();
    let over_limit = sessions::end_excess(&state.db, &user.id, Some(&session.token_hash), now).await?;
    let mut tx = state.db.begin().await?;
    if !is_still_valid(&mut tx, user, &verified).await? {
        return Err(AccountError::WrongCredentials);
    }
    users::update_password(&mut tx, &user.id, &hash, now).await?;
    let rotation = rotation::rotate(&mut tx, session, now).await?.ok_or(AccountError::UserDeleted)?;
    tx.commit().await?;
    state.chat.wake();
    state.audit.password_changed(&user.id, client.address, over_limit + rotation.others_ended);
    let binding = DeviceBinding { user_id: &user.id, password_version: verified.password_version + 1 };
    let device_cookie = state.device_cookies.issue(binding, None);
    Ok(PasswordChange { session: rotation.token, device_cookie })
}

/// Returns whether a verified password is still the user's and the account is not locked. The password cannot change
/// before the transaction ends.
async fn is_still_valid(tx: &mut Tx, user: &User, verified: &VerifiedPassword) -> Result<bool, DbError> {
    let version = users::lock_for_update(tx, &user.id).await?;
    Ok(version == Some(verified.password_version)
        && !throttle::is_locked_in(tx, verified.account.as_deref()).await?)
}

/// Deletes the user and their sessions, and enqueues the deletion at CometChat.
pub async fn delete(
    state: &AppState,
    session: &Session,
    password: Password,
    client: &ClientInfo,
) -> Result<(), AccountError> {
    let user = &session.user;
    let (_, verified) = login::verify_credentials(state, &user.email, password, client).await?;
    let now = state.clock.now();
    let over_limit = sessions::end_excess(&state.db, &user.id, None, now).await?;
    throttle::clear_excess(&state.db, &user.email).await?;
    let mut tx = state.db.begin().await?;
    // Locks the user, so that no session begins between the end of the others and the deletion.
    if !is_still_valid(&mut tx, user, &verified).await? {
        return Err(AccountError::WrongCredentials);
    }
    let ended = sessions::end_others(&mut tx, &user.id, None, now).await?;
    throttle::unlock(&mut tx, &user.email, now).await?;
    users::delete(&mut tx, &user.id, now).await?;
    tx.commit().await?;
    state.chat.wake();
    state.audit.deleted(&user.id, client.address, over_limit + ended);
    Ok(())
}

/// Ends the user's session with this public id. A session that does not exist is not an error.
pub async fn end_session(
    state: &AppState,
    session: &Session,
    public_id: &str,
    address: IpAddr,
) -> Result<(), AccountError> {
    if !public_id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        // No session has such an id, and PostgreSQL rejects text with a zero byte.
        return Ok(());
    }
    let mut tx = state.db.begin().await?;
    let ended = sessions::end_by_public_id(&mut tx, &session.user.id, public_id, state.clock.now()).await?;
    tx.commit().await?;
    if ended {
        state.chat.wake();
        state.audit.sessions_ended(&session.user.id, Some(address), "ended_by_user", 1);
    }
    Ok(())
}

/// Replaces this session and ends the user's other sessions. Returns the new token for the cookie.
pub async fn end_other_sessions(
    state: &AppState,
    session: &Session,
    address: IpAddr,
) -> Result<Token, AccountError> {
    let now = state.clock.now();
    let user_id = &session.user.id;
    let over_limit = sessions::end_excess(&state.db, user_id, Some(&session.token_hash), now).await?;
    let mut tx = state.db.begin().await?;
    let rotation = rotation::rotate(&mut tx, session, now).await?.ok_or(AccountError::UserDeleted)?;
    tx.commit().await?;
    state.chat.wake();
    let ended = over_limit + rotation.others_ended;
    if ended > 0 {
        state.audit.sessions_ended(user_id, Some(address), "ended_by_user", ended);
    }
    Ok(rotation.token)
}
