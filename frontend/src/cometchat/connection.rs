//! Connects a user to CometChat and keeps the connection: resumes or starts a session of the SDK, gets a
//! new token when needed, and retries.
//!
//! One task does all of it, so that logins never overlap: the SDK rejects the second one, and a failed
//! login destroys a good session.

use super::client;
use super::error::SdkError;
use super::loader;
use super::sdk_storage;
use super::state::{ChatEvent, ChatState, ChatStatus};
use crate::api::{self, RequestError};
use crate::browser::navigation::{self, RELOADED_KEY};
use crate::browser::storage::{can_store, tab};
use crate::browser::timer::{now_ms, sleep_unless_online};
use futures_channel::mpsc::UnboundedReceiver;
use futures_util::StreamExt;
use futures_util::future::{Either, pending, select};
use gloo_timers::future::TimeoutFuture;
use shared::{ClientConfig, ErrorCode, Secret};
use std::pin::pin;

/// How often, and at what interval, CometChat is asked whether it accepts the socket.
const SOCKET_CHECKS: u32 = 5;
const SOCKET_CHECK_INTERVAL_MS: u32 = 400;

#[derive(Debug, thiserror::Error)]
enum ConnectError {
    #[error(transparent)]
    Sdk(#[from] SdkError),
    #[error(transparent)]
    Server(#[from] RequestError),
    /// The server's session is another user's by now: another tab has signed in.
    #[error("the token is for another user")]
    OtherUser,
    #[error("the socket does not open")]
    NoSocket,
    #[error("the socket is closed as soon as it opens")]
    SocketRejected,
}

/// Runs until it is dropped, or no attempt can succeed. `token` is the one that the login returned. The task reports
/// each change to `on_status`, and calls `check_session` when the session may be over.
pub async fn run(
    uid: String,
    mut token: Option<Secret>,
    on_status: impl Fn(ChatStatus),
    check_session: impl Fn(),
) {
    let mut changes = client::status_changes();
    let mut state = ChatState::START;
    // The SDK may have given up opening the socket of its session. Only a login makes it try again.
    let mut is_stuck = false;
    loop {
        on_status(state.status);
        let result = connect(&uid, token.take(), state.needs_new_token(), is_stuck, &mut changes).await;
        is_stuck = matches!(result, Err(ConnectError::NoSocket));
        let mut retry_after = None;
        state = match result {
            Ok(()) => {
                tab::remove(RELOADED_KEY);
                state = state.next(ChatEvent::Connected);
                on_status(state.status);
                let since = now_ms();
                while client::is_open() {
                    next_change(&mut changes).await;
                }
                // A replaced token says nothing about the connection.
                if client::is_token_outdated() {
                    ChatState::START
                } else {
                    state.next(ChatEvent::Disconnected { after_ms: now_ms() - since })
                }
            }
            Err(ConnectError::SocketRejected) => state.next(ChatEvent::Disconnected { after_ms: 0.0 }),
            Err(ConnectError::Server(error)) if error.code() == Some(ErrorCode::ChatDisabled) => {
                // Otherwise the SDK would open its socket again and again.
                client::sign_out().await;
                return on_status(ChatStatus::Disabled);
            }
            // The SDK needs room for a new session, and not for one that it has stored.
            Err(ConnectError::Sdk(_)) if !can_store() && !sdk_storage::has_session() => {
                return on_status(ChatStatus::StorageBlocked);
            }
            Err(error) => {
                match &error {
                    // Only a new document frees the SDK from a login that hangs.
                    ConnectError::Sdk(SdkError::LoginInProgress) => navigation::reload_if_not_recent(),
                    ConnectError::Server(error) if error.is_signed_out() => check_session(),
                    ConnectError::Server(error) => retry_after = error.retry_after_seconds(),
                    ConnectError::OtherUser => check_session(),
                    ConnectError::Sdk(_) | ConnectError::NoSocket | ConnectError::SocketRejected => {}
                }
                state.next(ChatEvent::Failed)
            }
        };
        on_status(state.status);
        let delay = sleep_unless_online(state.delay_ms(js_sys::Math::random(), retry_after));
        if client::is_open() {
            delay.await;
        } else {
            // The SDK reopens a lost socket by itself; then there is no need to wait longer.
            select(pin!(delay), pin!(opened(&mut changes))).await;
        }
    }
}

/// Returns once the SDK has the user's session, its socket is open, and CometChat has accepted the token
/// on it. The SDK reports "connected" before that.
async fn connect(
    uid: &str,
    token: Option<Secret>,
    renew: bool,
    is_stuck: bool,
    changes: &mut UnboundedReceiver<()>,
) -> Result<(), ConnectError> {
    let config = loader::load().await?;
    if token.is_some() && !client::is_started() {
        // The start would resume an earlier user's session.
        sdk_storage::clear_session();
    }
    client::start(&config).await?;
    let stored = client::stored_session().await?;
    let is_stored = !client::is_token_outdated() && stored.as_ref().is_some_and(|(stored, _)| stored == uid);
    match token {
        Some(token) if !renew => log_in(&config, uid, token).await?,
        _ if is_stored && !renew && !is_stuck => {}
        _ => log_in(&config, uid, api::chat_token(renew).await?).await?,
    }
    if verify_socket(uid, changes).await? {
        return Ok(());
    }
    // The stored session is dead. Another tab may have had its token replaced; if the server still has the
    // same token, a new one is needed.
    let mut token = api::chat_token(false).await?;
    if stored.is_some_and(|(_, stored)| stored == token) {
        token = api::chat_token(true).await?;
    }
    log_in(&config, uid, token).await?;
    if verify_socket(uid, changes).await? { Ok(()) } else { Err(SdkError::TokenNotFound.into()) }
}

/// Logs in with this token, or with a new one if CometChat does not know it.
async fn log_in(config: &ClientConfig, uid: &str, token: Secret) -> Result<(), ConnectError> {
    // If the SDK has a stored session with this token, which another tab may just have stored, its login
    // opens no socket.
    if client::stored_session().await?.is_some_and(|(_, stored)| stored == token) {
        sdk_storage::clear_session();
    }
    let result = match try_login(config, &token).await {
        Err(SdkError::TokenNotFound) => try_login(config, &api::chat_token(true).await?).await,
        result => result,
    };
    if result?.as_deref() == Some(uid) { Ok(()) } else { Err(ConnectError::OtherUser) }
}

async fn try_login(config: &ClientConfig, token: &Secret) -> Result<Option<String>, SdkError> {
    match client::login(config, token).await {
        // The SDK keeps waiting, and rejects every other login until then.
        Err(SdkError::TimedOut) => Err(SdkError::LoginInProgress),
        result => result,
    }
}

/// Returns whether CometChat accepts the token of the SDK's session, in calls and on the socket.
///
/// The SDK does not report the result of the socket's authentication. It succeeded if CometChat says that
/// the user is online; it failed if the socket closes soon after it opened. If neither happens, CometChat
/// did not object.
async fn verify_socket(uid: &str, changes: &mut UnboundedReceiver<()>) -> Result<bool, ConnectError> {
    let timeout = TimeoutFuture::new(client::CALL_TIMEOUT_MS);
    let has_opened = matches!(select(timeout, pin!(opened(changes))).await, Either::Right(_));
    for _ in 0..SOCKET_CHECKS {
        match client::is_online(uid).await {
            Ok(true) if client::is_open() => return Ok(true),
            Ok(_) if !has_opened => return Err(ConnectError::NoSocket),
            Ok(_) => {}
            Err(SdkError::TokenNotFound) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        if client::is_open() {
            select(TimeoutFuture::new(SOCKET_CHECK_INTERVAL_MS), pin!(next_change(changes))).await;
        }
        if !client::is_open() {
            return Err(ConnectError::SocketRejected);
        }
    }
    Ok(true)
}

async fn opened(changes: &mut UnboundedReceiver<()>) {
    while !client::is_open() {
        next_change(changes).await;
    }
}

/// The stream ends only when a newer task takes over, and then this one is about to be dropped.
async fn next_change(changes: &mut UnboundedReceiver<()>) {
    if changes.next().await.is_none() {
        pending::<()>().await;
    }
}
