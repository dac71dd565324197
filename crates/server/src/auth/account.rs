//! What signed-in users do with their own accounts: another name, another password, an end.

use super::register::check_password;
use crate::auth::AccountError;
use crate::auth::login::{self, ClientInfo};
use crate::db::{DbError, Tx};
use crate::passwords::Password;
use crate::sessions::{self, Session, Token, VerifiedPassword};
use crate::state::AppState;
use crate::throttle::{self, device_cookie::DeviceBinding, user_limit::Action};
use crate::users::{self, User};
use std::net::IpAddr;

/// Gives the user another name, here and in the end at CometChat.
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

/// The cookies that a browser gets for a new password.
pub struct PasswordChange {
    pub session: Token,
    /// Marks this browser as known; those of all other browsers have lost their worth.
    pub device_cookie: String,
}

/// Gives the user another password, replaces the present session, and ends every other one.
pub async fn change_password(
    state: &AppState,
    session: &Session,
    current: Password,
    new: Password,
    client: &ClientInfo,
) -> Result<PasswordChange, AccountError> {
    let user = &session.user;
    // Before the new one is judged, which is work that only the owner may ask for.
    let (_, proven) = login::verify_credentials(state, &user.email, current, client).await?;
    login::limit_user(state, Action::ChangePassword, &user.id, client.address)?;
    check_password(state, &new, &[&user.email, &user.name]).await?;
    let hash = state.hasher.hash(new).await?;
    let now = state.clock.now();
    let excess = sessions::end_excess(&state.db, &user.id, &session.token_hash, now).await?;
    let mut tx = state.db.begin().await?;
    if !is_still_valid(&mut tx, user, &proven).await? {
        return Err(AccountError::WrongCredentials);
    }
    users::update_password(&mut tx, &user.id, &hash, now).await?;
    let rotation = sessions::rotate(&mut tx, session, now).await?.ok_or(AccountError::UserDeleted)?;
    tx.commit().await?;
    state.chat.wake();
    state.audit.password_changed(&user.id, client.address, excess + rotation.others_ended);
    let opened = DeviceBinding { user_id: &user.id, password_version: proven.password_version + 1 };
    let device_cookie = state.device_cookies.issue(opened, None);
    Ok(PasswordChange { session: rotation.token, device_cookie })
}

/// Whether a proof of some time ago is still worth something; from here on nobody changes the password.
async fn is_still_valid(tx: &mut Tx, user: &User, proof: &VerifiedPassword) -> Result<bool, DbError> {
    let version = users::lock_for_update(tx, &user.id).await?;
    Ok(version == Some(proof.password_version) && !throttle::is_locked_in(tx, &proof.account).await?)
}

/// Deletes the account with its sessions, here and in the end at CometChat.
pub async fn delete(
    state: &AppState,
    session: &Session,
    password: Password,
    client: &ClientInfo,
) -> Result<(), AccountError> {
    let user = &session.user;
    let (_, proven) = login::verify_credentials(state, &user.email, password, client).await?;
    let now = state.clock.now();
    let excess = sessions::end_excess(&state.db, &user.id, "", now).await?;
    throttle::clear_excess(&state.db, &user.email).await?;
    let mut tx = state.db.begin().await?;
    // Held, so that no session begins between the end of the others and the end of the user.
    if !is_still_valid(&mut tx, user, &proven).await? {
        return Err(AccountError::WrongCredentials);
    }
    let ended = sessions::end_others(&mut tx, &user.id, "", now).await?;
    throttle::unlock(&mut tx, &user.email, now).await?;
    users::delete(&mut tx, &user.id, now).await?;
    tx.commit().await?;
    state.chat.wake();
    state.audit.deleted(&user.id, client.address, excess + ended);
    Ok(())
}

/// Ends one session of the user, by the name that the user knows it by. No such session is no fault.
pub async fn end_session(
    state: &AppState,
    session: &Session,
    public_id: &str,
    address: IpAddr,
) -> Result<(), AccountError> {
    if !public_id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        // No session of ours is called that; and PostgreSQL takes no text with a zero byte.
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

/// Replaces this session and ends every other one of the user. The answer is for the new cookie.
pub async fn end_other_sessions(
    state: &AppState,
    session: &Session,
    address: IpAddr,
) -> Result<Token, AccountError> {
    let now = state.clock.now();
    let excess = sessions::end_excess(&state.db, &session.user.id, &session.token_hash, now).await?;
    let mut tx = state.db.begin().await?;
    let rotation = sessions::rotate(&mut tx, session, now).await?.ok_or(AccountError::UserDeleted)?;
    tx.commit().await?;
    state.chat.wake();
    let ended = excess + rotation.others_ended;
    if ended > 0 {
        state.audit.sessions_ended(&session.user.id, Some(address), "ended_by_user", ended);
    }
    Ok(rotation.token)
}
