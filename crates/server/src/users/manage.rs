//! What signed-in users do with their own accounts: another name, another password, an end.

use super::register::check_password;
use super::{AccountError, User, lock_for_update, delete, update_password};
use crate::app::AppState;
use crate::db::{DbError, Tx};
use crate::passwords::Password;
use crate::sessions::{self, VerifiedPassword, Session, Token};
use crate::sign_in::{self, ClientInfo};
use crate::throttle::{self, device_cookie::DeviceBinding, user::Action};
use std::net::IpAddr;

/// Gives the user another name, here and in the end at CometChat.
pub async fn rename(
    services: &AppState,
    session: &Session,
    name: &str,
    address: IpAddr,
) -> Result<User, AccountError> {
    if name == session.user.name {
        return Ok(session.user.clone());
    }
    sign_in::limit_user(services, Action::Rename, &session.user.id, address)?;
    let mut tx = services.db.begin().await?;
    let renamed = super::rename(&mut tx, &session.user.id, name, services.clock.now()).await?;
    let user = renamed.ok_or(AccountError::UserDeleted)?;
    tx.commit().await?;
    services.chat.wake();
    services.audit.renamed(&user.id, address);
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
    services: &AppState,
    session: &Session,
    current: Password,
    new: Password,
    client: &ClientInfo,
) -> Result<PasswordChange, AccountError> {
    let user = &session.user;
    // Before the new one is judged, which is work that only the owner may ask for.
    let (_, proven) = sign_in::verify_credentials(services, &user.email, current, client).await?;
    sign_in::limit_user(services, Action::ChangePassword, &user.id, client.address)?;
    check_password(services, &new, &[&user.email, &user.name]).await?;
    let hash = services.hasher.hash(new).await?;
    let now = services.clock.now();
    let excess = sessions::end_excess(&services.db, &user.id, &session.token_hash, now).await?;
    let mut tx = services.db.begin().await?;
    if !is_still_valid(&mut tx, user, &proven).await? {
        return Err(AccountError::WrongCredentials);
    }
    update_password(&mut tx, &user.id, &hash, now).await?;
    let rotation = sessions::rotate(&mut tx, session, now).await?.ok_or(AccountError::UserDeleted)?;
    tx.commit().await?;
    services.chat.wake();
    services.audit.password_changed(&user.id, client.address, excess + rotation.others_ended);
    let opened = DeviceBinding { user_id: &user.id, password_version: proven.password_version + 1 };
    let device_cookie = services.device_cookies.issue(opened, None);
    Ok(PasswordChange { session: rotation.token, device_cookie })
}

/// Whether a proof of some time ago is still worth something; from here on nobody changes the password.
async fn is_still_valid(tx: &mut Tx, user: &User, proof: &VerifiedPassword) -> Result<bool, DbError> {
    let version = lock_for_update(tx, &user.id).await?;
    Ok(version == Some(proof.password_version) && !throttle::is_locked_in(tx, &proof.account).await?)
}

/// Deletes the account with its sessions, here and in the end at CometChat.
pub async fn delete(
    services: &AppState,
    session: &Session,
    password: Password,
    client: &ClientInfo,
) -> Result<(), AccountError> {
    let user = &session.user;
    let (_, proven) = sign_in::verify_credentials(services, &user.email, password, client).await?;
    let now = services.clock.now();
    let excess = sessions::end_excess(&services.db, &user.id, "", now).await?;
    throttle::clear_excess(&services.db, &user.email).await?;
    let mut tx = services.db.begin().await?;
    // Held, so that no session begins between the end of the others and the end of the user.
    if !is_still_valid(&mut tx, user, &proven).await? {
        return Err(AccountError::WrongCredentials);
    }
    let ended = sessions::end_others(&mut tx, &user.id, "", now).await?;
    throttle::unlock(&mut tx, &user.email, now).await?;
    delete(&mut tx, &user.id, now).await?;
    tx.commit().await?;
    services.chat.wake();
    services.audit.deleted(&user.id, client.address, excess + ended);
    Ok(())
}

/// Ends one session of the user, by the name that the user knows it by. No such session is no fault.
pub async fn end_session(
    services: &AppState,
    session: &Session,
    public_id: &str,
    address: IpAddr,
) -> Result<(), AccountError> {
    if !public_id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        // No session of ours is called that; and PostgreSQL takes no text with a zero byte.
        return Ok(());
    }
    let mut tx = services.db.begin().await?;
    let ended = sessions::end_by_public_id(&mut tx, &session.user.id, public_id, services.clock.now()).await?;
    tx.commit().await?;
    if ended {
        services.chat.wake();
        services.audit.sessions_ended(&session.user.id, Some(address), "ended_by_user", 1);
    }
    Ok(())
}

/// Replaces this session and ends every other one of the user. The answer is for the new cookie.
pub async fn end_other_sessions(
    services: &AppState,
    session: &Session,
    address: IpAddr,
) -> Result<Token, AccountError> {
    let now = services.clock.now();
    let excess = sessions::end_excess(&services.db, &session.user.id, &session.token_hash, now).await?;
    let mut tx = services.db.begin().await?;
    let rotation = sessions::rotate(&mut tx, session, now).await?.ok_or(AccountError::UserDeleted)?;
    tx.commit().await?;
    services.chat.wake();
    let ended = excess + rotation.others_ended;
    if ended > 0 {
        services.audit.sessions_ended(&session.user.id, Some(address), "ended_by_user", ended);
    }
    Ok(rotation.token)
}
