//! Feeds the session's state machine: asks the server whenever the tab comes back into view and every minute in it, signs out, and goes back
//! to the door when the session is over. Pages reach it through `use_session`.

use super::rotation;
use super::state::{Session, SessionEvent, SignOut};
use crate::api::Failure;
use crate::entry::Entry;
use crate::mark::{self, Reason};
use crate::{api, browser, chat, talk};
use browser::tab;
use gloo_events::EventListener;
use gloo_timers::callback::Interval;
use gloo_timers::future::TimeoutFuture;
use shared::SessionResponse;
use wasm_bindgen_futures::spawn_local;
use web_sys::VisibilityState;
use yew::prelude::*;

/// How often a page that is looked at asks whether its session is still good. CometChat does not promise to end a
/// connection whose token is revoked, and messages would come on.
const ASK_AGAIN_MS: u32 = 60_000;
/// How long the page waits before it asks again whether its session has ended: another tab may just have had the session
/// replaced, and the cookie of the first request was the old one.
const CONFIRM_DELAY_MS: u32 = 1_000;

/// The session, and what can be done with it.
#[derive(Clone, PartialEq)]
pub struct SessionContext {
    session: UseReducerHandle<Session>,
}

impl SessionContext {
    pub fn state(&self) -> &Session {
        &self.session
    }

    /// The server has another name for the user.
    pub fn renamed(&self, user: SessionResponse) {
        self.session.dispatch(SessionEvent::Found(user));
    }

    /// The server has deleted the account; the browser is to forget it.
    pub fn deleted(&self) {
        self.session.dispatch(SessionEvent::SignOutStarted);
        spawn_local(async {
            chat::leave().await;
            leave(Reason::Deleted);
        });
    }

    /// The server has replaced the session, and revoked its token for CometChat, which all tabs of this browser use.
    pub fn rotated(&self) {
        rotation::tell_other_tabs();
        chat::replace_token();
    }

    /// Passes on what a call brought, and has the server asked who is signed in where it said that nobody is.
    pub fn noticing<T>(&self, result: Result<T, Failure>) -> Result<T, Failure> {
        if result.as_ref().is_err_and(Failure::is_signed_out) {
            self.check();
        }
        result
    }

    /// Asks the server again who is signed in.
    pub fn check(&self) {
        let session = self.session.dispatcher();
        spawn_local(async move {
            let mut answer = api::session().await;
            if answer.as_ref().is_err_and(Failure::is_signed_out) {
                TimeoutFuture::new(CONFIRM_DELAY_MS).await;
                answer = api::session().await;
            }
            match answer {
                Ok(user) => session.dispatch(SessionEvent::Found(user)),
                Err(failure) if failure.is_signed_out() => session.dispatch(SessionEvent::NotSignedIn),
                // A server that answers with a failure of its own has not said that nobody is signed in.
                Err(_) => {}
            }
        });
    }

    pub fn sign_out(&self) {
        let session = self.session.dispatcher();
        session.dispatch(SessionEvent::SignOutStarted);
        spawn_local(async move {
            // CometChat first: its own sign-out needs the token that the server is about to revoke.
            chat::leave().await;
            match api::logout().await {
                Ok(()) => leave(Reason::SignedOut),
                Err(failure) => session.dispatch(SessionEvent::SignOutFailed(failure)),
            }
        });
    }
}

/// Goes back to the start, by loading the page anew: CometChat's SDK does not recover from a sign-out within the same
/// page.
fn leave(reason: Reason) {
    tab::drop_all(talk::UNSENT);
    mark::keep(reason);
    browser::restart();
}

/// The session of the page. Outside a `SessionProvider` there is none, which only a mistake can cause.
#[hook]
pub fn use_session() -> SessionContext {
    let none = use_reducer(|| Session::Over);
    use_context::<SessionContext>().unwrap_or(SessionContext { session: none })
}

#[derive(PartialEq, Properties)]
pub struct Props {
    pub entry: Entry,
    pub children: Html,
}

#[component]
pub fn SessionProvider(props: &Props) -> Html {
    let session = use_reducer({
        let entry = props.entry.clone();
        || Session::begin(entry)
    });
    let context = SessionContext { session: session.clone() };

    let stays = matches!(&*session, Session::SignedIn { sign_out, .. } if *sign_out != SignOut::Running);
    use_effect_with(stays, {
        let context = context.clone();
        move |stays| {
            let watch = browser::document().filter(|_| *stays).map(|document| {
                let watched = document.clone();
                let look = move || {
                    if watched.visibility_state() == VisibilityState::Visible {
                        context.check();
                    }
                };
                let again = look.clone();
                (
                    EventListener::new(&document, "visibilitychange", move |_| look()),
                    Interval::new(ASK_AGAIN_MS, again),
                )
            });
            move || drop(watch)
        }
    });

    use_effect_with((), |()| {
        let listener = rotation::listen(chat::replace_token);
        move || drop(listener)
    });

    let is_over = *session == Session::Over;
    use_effect_with(is_over, |is_over| {
        mark::keep(Reason::Ended);
        if *is_over {
            spawn_local(async {
                chat::leave().await;
                // The form is at the same address, and what was written but not sent stays in the tab.
                browser::reload();
            });
        }
    });

    html! { <ContextProvider<SessionContext> {context}>{ props.children.clone() }</ContextProvider<SessionContext>> }
}
