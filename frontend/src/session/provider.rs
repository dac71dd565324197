//! Drives [`Session`]: asks the server whether it still exists, signs out, and returns to the login page
//! when it is over.

use super::rotation;
use super::state::{Session, SessionEvent, SignOut};
use crate::api::{self, RequestError};
use crate::browser::storage::tab;
use crate::browser::{dom, navigation};
use crate::cometchat::client;
use crate::conversations::drafts;
use crate::handoff::SignedInUser;
use crate::sign_out_reason::{self, SignOutReason};
use gloo_events::EventListener;
use gloo_timers::callback::Interval;
use gloo_timers::future::TimeoutFuture;
use shared::UserResponse;
use wasm_bindgen_futures::spawn_local;
use web_sys::VisibilityState;
use yew::prelude::*;

/// How often a visible page asks whether its session still exists. CometChat does not promise to close a
/// connection whose token is revoked, so messages would keep coming.
const CHECK_INTERVAL_MS: u32 = 60_000;
/// The delay before a second check confirms that the session is over: another tab may have just replaced the
/// session, and the first check may have had the old cookie.
const CONFIRM_DELAY_MS: u32 = 1_000;

/// The session, and the actions on it.
#[derive(Clone, PartialEq)]
pub struct SessionContext {
    session: UseReducerHandle<Session>,
}

impl SessionContext {
    pub fn state(&self) -> &Session {
        &self.session
    }

    /// Shows the user's new name.
    pub fn renamed(&self, user: UserResponse) {
        self.session.dispatch(SessionEvent::Found(user));
    }

    /// Leaves after the server has deleted the account.
    pub fn deleted(&self) {
        self.session.dispatch(SessionEvent::SignOutStarted);
        spawn_local(async {
            client::sign_out().await;
            leave(SignOutReason::Deleted);
        });
    }

    /// Reconnects all tabs to CometChat after the server has replaced the session and revoked its chat token.
    pub fn rotated(&self) {
        rotation::notify_other_tabs();
        client::replace_token();
    }

    /// Returns the result of a request. If the server rejected it because the session is over, checks the
    /// session.
    pub fn check_auth<T>(&self, result: Result<T, RequestError>) -> Result<T, RequestError> {
        if result.as_ref().is_err_and(RequestError::is_signed_out) {
            self.check();
        }
        result
    }

    /// Asks the server whether the session still exists.
    pub fn check(&self) {
        let session = self.session.dispatcher();
        spawn_local(async move {
            let mut result = api::session().await;
            if result.as_ref().is_err_and(RequestError::is_signed_out) {
                TimeoutFuture::new(CONFIRM_DELAY_MS).await;
                result = api::session().await;
            }
            match result {
                Ok(user) => session.dispatch(SessionEvent::Found(user)),
                Err(error) if error.is_signed_out() => session.dispatch(SessionEvent::NotSignedIn),
                // Another error does not say that the session is over.
                Err(_) => {}
            }
        });
    }

    pub fn sign_out(&self) {
        let session = self.session.dispatcher();
        session.dispatch(SessionEvent::SignOutStarted);
        spawn_local(async move {
            // CometChat first: its sign-out needs the token that the server is about to revoke.
            client::sign_out().await;
            match api::logout().await {
                Ok(()) => leave(SignOutReason::SignedOut),
                Err(error) => session.dispatch(SessionEvent::SignOutFailed(error)),
            }
        });
    }
}

/// Loads the start page: CometChat's SDK cannot sign in again within the same document.
fn leave(reason: SignOutReason) {
    tab::remove_all(drafts::PREFIX);
    sign_out_reason::save(reason);
    navigation::replace_with_start_page();
}

/// Returns the page's session. Outside of a `SessionProvider`, which would be a bug, it is over.
#[hook]
pub fn use_session() -> SessionContext {
    let none = use_reducer(|| Session::Over);
    use_context::<SessionContext>().unwrap_or(SessionContext { session: none })
}

#[derive(PartialEq, Properties)]
pub struct Props {
    pub user: SignedInUser,
    pub children: Html,
}

#[component]
pub fn SessionProvider(props: &Props) -> Html {
    let session = use_reducer({
        let user = props.user.clone();
        || Session::begin(user)
    });
    let context = SessionContext { session: session.clone() };

    let is_active = matches!(&*session, Session::SignedIn { sign_out, .. } if *sign_out != SignOut::Running);
    use_effect_with(is_active, {
        let context = context.clone();
        move |is_active| {
            let watchers = dom::document().filter(|_| *is_active).map(|document| {
                let watched = document.clone();
                let check_if_visible = move || {
                    if watched.visibility_state() == VisibilityState::Visible {
                        context.check();
                    }
                };
                let on_interval = check_if_visible.clone();
                (
                    EventListener::new(&document, "visibilitychange", move |_| check_if_visible()),
                    Interval::new(CHECK_INTERVAL_MS, on_interval),
                )
            });
            move || drop(watchers)
        }
    });

    use_effect_with((), |()| {
        let listener = rotation::listen(client::replace_token);
        move || drop(listener)
    });

    let is_over = *session == Session::Over;
    use_effect_with(is_over, |is_over| {
        sign_out_reason::save(SignOutReason::Ended);
        if *is_over {
            spawn_local(async {
                client::sign_out().await;
                // The form appears at the same address, and the tab keeps the drafts.
                navigation::reload();
            });
        }
    });

    html! { <ContextProvider<SessionContext> {context}>{ props.children.clone() }</ContextProvider<SessionContext>> }
}
