//! Feeds the session's state machine: asks the server at the start and whenever the tab comes back into
//! view, tries again while there is no answer, signs out. Pages reach it through `use_session`.

use super::{Reason, Session, SessionEvent, SignOut};
use crate::api::Failure;
use crate::{api, backoff, browser, chat, talk};
use browser::{Task, tab};
use gloo_events::EventListener;
use shared::{LoginResponse, SessionResponse};
use wasm_bindgen_futures::spawn_local;
use web_sys::VisibilityState;
use yew::prelude::*;

/// What the tab keeps over a reload, to know why nobody is signed in afterwards.
const MARK: &str = "cometchat-auth:session";
const MARK_SIGNED_IN: &str = "signed-in";
const MARK_SIGNED_OUT: &str = "signed-out";
const MARK_DELETED: &str = "deleted";

/// The session, and what can be done with it.
#[derive(Clone, PartialEq)]
pub struct SessionContext {
    session: UseReducerHandle<Session>,
}

impl SessionContext {
    pub fn state(&self) -> &Session {
        &self.session
    }

    pub fn signed_in(&self, answer: LoginResponse) {
        self.session.dispatch(SessionEvent::SignedIn(answer));
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
            tab::drop_all(talk::UNSENT);
            tab::keep(MARK, MARK_DELETED);
            browser::restart();
        });
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
        spawn_local(async move { session.dispatch(ask().await) });
    }

    pub fn sign_out(&self) {
        let session = self.session.dispatcher();
        session.dispatch(SessionEvent::SignOutStarted);
        spawn_local(async move {
            // CometChat first: its own sign-out needs the token that the server is about to revoke.
            chat::leave().await;
            match api::logout().await {
                Ok(()) => {
                    tab::drop_all(talk::UNSENT);
                    tab::keep(MARK, MARK_SIGNED_OUT);
                    // CometChat's SDK does not recover from a sign-out within the same page.
                    browser::restart();
                }
                Err(failure) => session.dispatch(SessionEvent::SignOutFailed(failure)),
            }
        });
    }
}

/// The session of the page. Outside a `SessionProvider` there is none, which only a mistake can cause:
/// then the page stays where it starts.
#[hook]
pub fn use_session() -> SessionContext {
    let none = use_reducer(|| Session::Unknown);
    use_context::<SessionContext>().unwrap_or(SessionContext { session: none })
}

#[derive(PartialEq, Properties)]
pub struct Props {
    pub children: Html,
}

#[component]
pub fn SessionProvider(props: &Props) -> Html {
    let session = use_reducer(|| Session::Unknown);
    let context = SessionContext { session: session.clone() };

    let tries = match &*session {
        Session::Unknown => Some(0),
        Session::Unreachable { tries } => Some(*tries),
        Session::SignedOut { .. } | Session::SignedIn { .. } => None,
    };
    use_effect_with(tries, {
        let session = session.dispatcher();
        move |tries| {
            let task = tries.map(|tries| {
                Task::spawn(async move {
                    browser::sleep_unless_online(backoff::delay_ms(tries, js_sys::Math::random())).await;
                    session.dispatch(ask().await);
                })
            });
            move || drop(task)
        }
    });

    let stays = matches!(&*session, Session::SignedIn { sign_out, .. } if *sign_out != SignOut::Running);
    use_effect_with(stays, {
        let context = context.clone();
        move |stays| {
            let listener = browser::document().filter(|_| *stays).map(|document| {
                let watched = document.clone();
                EventListener::new(&document, "visibilitychange", move |_| {
                    if watched.visibility_state() == VisibilityState::Visible {
                        context.check();
                    }
                })
            });
            move || drop(listener)
        }
    });

    use_effect_with(session.clone(), |session| match &**session {
        Session::SignedIn { .. } => tab::keep(MARK, MARK_SIGNED_IN),
        Session::SignedOut { reason } => {
            tab::drop(MARK);
            if *reason == Some(Reason::Ended) {
                spawn_local(chat::leave());
            }
        }
        Session::Unknown | Session::Unreachable { .. } => {}
    });

    html! { <ContextProvider<SessionContext> {context}>{ props.children.clone() }</ContextProvider<SessionContext>> }
}

async fn ask() -> SessionEvent {
    match api::session().await {
        Ok(user) => SessionEvent::Found(user),
        Err(failure) if failure.is_signed_out() => SessionEvent::NotSignedIn { remembered: remembered() },
        // A server that answers with a failure of its own has not said that nobody is signed in.
        Err(_) => SessionEvent::NoAnswer,
    }
}

fn remembered() -> Option<Reason> {
    match tab::kept(MARK)?.as_str() {
        MARK_SIGNED_IN => Some(Reason::Ended),
        MARK_SIGNED_OUT => Some(Reason::SignedOut),
        MARK_DELETED => Some(Reason::Deleted),
        _ => None,
    }
}
