//! Gets a user connected to CometChat and keeps it so: which session of the SDK is good, when a new token
//! is needed, when to try again. One task, one thing at a time, so that no two sign-ins ever overlap:
//! the SDK refuses the second and a failed one destroys a good session.

use super::loader;
use super::sdk::{self, SdkError};
use super::state::{ChatEvent, ChatState, ChatStatus};
use super::stored;
use crate::api::{self, Failure};
use crate::browser::{self, tab};
use futures_channel::mpsc::UnboundedReceiver;
use futures_util::StreamExt;
use futures_util::future::{Either, pending, select};
use gloo_timers::future::TimeoutFuture;
use shared::{ClientConfig, Secret};
use std::pin::pin;

/// How often, and how far apart, CometChat is asked whether the socket counts.
const PROOFS: u32 = 5;
const BETWEEN_PROOFS_MS: u32 = 400;

#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error(transparent)]
    Sdk(#[from] SdkError),
    #[error(transparent)]
    Server(#[from] Failure),
    /// The server's session belongs to somebody else by now: another tab has signed in.
    #[error("the token is for another user")]
    OtherUser,
    #[error("the socket does not open")]
    NoSocket,
    #[error("the socket is closed as soon as it opens")]
    SocketRefused,
}

/// Runs until it is dropped. `token` is the one that signing in brought; `show` is told of every change,
/// and `check` when the server should be asked who is signed in.
pub async fn keep(uid: String, mut token: Option<Secret>, show: impl Fn(ChatStatus), check: impl Fn()) {
    let mut changes = sdk::changes();
    let mut state = ChatState::START;
    loop {
        show(state.status);
        let result = connect(&uid, token.take(), state.needs_new_token(), &mut changes).await;
        let mut retry_after = None;
        state = match result {
            Ok(()) => {
                tab::drop(browser::RELOADED);
                state = state.next(ChatEvent::Connected);
                show(state.status);
                let since = browser::now_ms();
                while sdk::is_open() {
                    changed(&mut changes).await;
                }
                // A token that was replaced says nothing of the connection.
                if sdk::is_outdated() {
                    ChatState::START
                } else {
                    state.next(ChatEvent::Lost { after_ms: browser::now_ms() - since })
                }
            }
            Err(Trouble::SocketRefused) => state.next(ChatEvent::Lost { after_ms: 0.0 }),
            Err(trouble) => {
                match &trouble {
                    // Only a new page frees the SDK from a sign-in that hangs.
                    Trouble::Sdk(SdkError::LoginInProgress) => browser::reload_once_in_a_while(),
                    Trouble::Server(failure) if failure.is_signed_out() => check(),
                    Trouble::Server(failure) => retry_after = failure.retry_after_seconds(),
                    Trouble::OtherUser => check(),
                    Trouble::Sdk(_) | Trouble::NoSocket | Trouble::SocketRefused => {}
                }
                state.next(ChatEvent::Failed)
            }
        };
        show(state.status);
        let wait = browser::sleep_unless_online(state.delay_ms(js_sys::Math::random(), retry_after));
        if sdk::is_open() {
            wait.await;
        } else {
            // The SDK opens a lost socket again by itself; there is no need to wait longer than it does.
            select(pin!(wait), pin!(opened(&mut changes))).await;
        }
    }
}

/// Connected is: the right user's session, its socket open, and the token proven since it opened. The
/// SDK's own word for it would be true before CometChat has looked at the token.
async fn connect(
    uid: &str,
    token: Option<Secret>,
    renew: bool,
    changes: &mut UnboundedReceiver<()>,
) -> Result<(), Trouble> {
    let config = loader::load().await?;
    if token.is_some() && !sdk::is_started() {
        // What an earlier user has left behind would come back to life in the start.
        stored::forget();
    }
    sdk::start(&config).await?;
    let held = sdk::held().await?;
    match token {
        Some(token) if !renew => sign_in(&config, uid, token).await?,
        _ if !renew && !sdk::is_outdated() && held.as_ref().is_some_and(|(held, _)| held == uid) => {}
        _ => sign_in(&config, uid, api::chat_token(renew).await?).await?,
    }
    if proven(uid, changes).await? {
        return Ok(());
    }
    // The session that the SDK had kept is dead. Another tab may have had its token replaced; where the server has the
    // same one still, a new one is needed.
    let mut token = api::chat_token(false).await?;
    if held.is_some_and(|(_, held)| held == token) {
        token = api::chat_token(true).await?;
    }
    sign_in(&config, uid, token).await?;
    if proven(uid, changes).await? { Ok(()) } else { Err(SdkError::TokenNotFound.into()) }
}

/// Signs in with this token, or with a new one when CometChat does not know this one.
async fn sign_in(config: &ClientConfig, uid: &str, token: Secret) -> Result<(), Trouble> {
    let result = match login(config, &token).await {
        Err(SdkError::TokenNotFound) => login(config, &api::chat_token(true).await?).await,
        result => result,
    };
    if result?.as_deref() == Some(uid) { Ok(()) } else { Err(Trouble::OtherUser) }
}

async fn login(config: &ClientConfig, token: &Secret) -> Result<Option<String>, SdkError> {
    match sdk::login(config, token).await {
        // The SDK waits on for ever, and takes no other sign-in until then.
        Err(SdkError::TimedOut) => Err(SdkError::LoginInProgress),
        result => result,
    }
}

/// Whether CometChat takes the token of the SDK's session: by a call, and on the socket. The SDK keeps to
/// itself how the socket's authentication went. It went well when CometChat holds the user for online;
/// it went badly when the socket is closed soon after it opened. Where neither happens, it did not object.
async fn proven(uid: &str, changes: &mut UnboundedReceiver<()>) -> Result<bool, Trouble> {
    let limit = TimeoutFuture::new(sdk::LIMIT_MS);
    let opened = matches!(select(limit, pin!(opened(changes))).await, Either::Right(_));
    for _ in 0..PROOFS {
        match sdk::prove(uid).await {
            Ok(true) if sdk::is_open() => return Ok(true),
            Ok(_) if !opened => return Err(Trouble::NoSocket),
            Ok(_) => {}
            Err(SdkError::TokenNotFound) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        if sdk::is_open() {
            select(TimeoutFuture::new(BETWEEN_PROOFS_MS), pin!(changed(changes))).await;
        }
        if !sdk::is_open() {
            return Err(Trouble::SocketRefused);
        }
    }
    Ok(true)
}

async fn opened(changes: &mut UnboundedReceiver<()>) {
    while !sdk::is_open() {
        changed(changes).await;
    }
}

/// The stream ends only when a newer task takes over, and then this one is about to be dropped.
async fn changed(changes: &mut UnboundedReceiver<()>) {
    if changes.next().await.is_none() {
        pending::<()>().await;
    }
}
