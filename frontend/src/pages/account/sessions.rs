//! Where the user is signed in, and how to end it elsewhere.

use crate::api::{self, Failure};
use crate::browser;
use crate::components::{About, Button, Look, button, note};
use crate::session::use_session;
use crate::{clock, form, words};
use shared::{SessionInfo, visible_text};
use std::rc::Rc;
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

/// What is known of the list. What was shown stays in sight while it is fetched anew.
#[derive(Clone, PartialEq, Default)]
struct List {
    sessions: Option<Rc<[SessionInfo]>>,
    failure: Option<Failure>,
    busy: bool,
}

/// What to end before the list is fetched.
#[derive(Clone, PartialEq)]
enum End {
    Nothing,
    One(String),
    Others,
}

#[component]
pub fn Sessions() -> Html {
    let session = use_session();
    let list = use_state_eq(List::default);
    let act = {
        let list = list.clone();
        Callback::from(move |end: End| {
            if list.busy {
                return;
            }
            let before = List { failure: None, busy: true, ..(*list).clone() };
            list.set(before.clone());
            let (list, session) = (list.setter(), session.clone());
            spawn_local(async move {
                let ended = match &end {
                    End::Nothing => Ok(()),
                    End::One(id) => api::end_sessions(Some(id)).await,
                    End::Others => api::end_sessions(None).await.map(|()| session.rotated()),
                };
                let fetched = match ended {
                    Ok(()) => api::sessions().await,
                    Err(failure) => Err(failure),
                };
                list.set(match session.noticing(fetched) {
                    Ok(sessions) => List { sessions: Some(sessions.into()), ..List::default() },
                    Err(failure) => List { failure: Some(failure), busy: false, ..before },
                });
            });
        })
    };
    use_effect_with((), {
        let act = act.clone();
        move |()| act.emit(End::Nothing)
    });

    let sessions = list.sessions.as_deref().unwrap_or_default();
    let others = sessions.iter().filter(|session| !session.current).count();
    let emit = |end: End| act.reform(move |_: MouseEvent| end.clone());
    let others_out = Button {
        id: Some("end-other-sessions"),
        look: Look::Quiet,
        busy: list.busy,
        onclick: Some(emit(End::Others)),
        ..Button::default()
    };
    html! {
        <section aria-labelledby="sessions-title" aria-busy={list.busy.then_some("true")}>
            <h2 id="sessions-title">{ "Where you are signed in" }</h2>
            if let Some(failure) = &list.failure {
                {
                    note(About::Trouble { code: form::code(failure), count: 0 }, html! {
                        <>
                            { "This did not work: " }
                            { failure.to_string() }
                            { ". " }
                            <button type="button" class="link" onclick={emit(End::Nothing)}>{ "Try again" }</button>
                        </>
                    })
                }
            }
            <ul id="sessions" class="sessions">
                { for sessions.iter().map(|session| item(session, emit(End::One(session.id.clone())))) }
            </ul>
            if others > 1 {
                { button(others_out, "Sign out everywhere else") }
            }
        </section>
    }
}

fn item(session: &SessionInfo, end: Callback<MouseEvent>) -> Html {
    html! {
        <li key={session.id.clone()} data-session={session.id.clone()} data-current={session.current.then_some("true")}>
            <div class="words">
                <strong><bdi>{ visible_text::without_hidden(&session.device) }</bdi></strong>
                if session.current {
                    { " " }
                    <span class="badge">{ "This device" }</span>
                }
                <span class="sub">
                    <bdi>{ &session.address }</bdi>
                    { " · signed in " }
                    { when(session.created_at) }
                    { " · last seen " }
                    { when(session.last_seen_at) }
                </span>
            </div>
            if !session.current {
                <button
                    type="button"
                    class="button small end-session"
                    data-look="quiet"
                    aria-label={format!("Sign out {}", visible_text::isolated(&session.device))}
                    onclick={end}
                >
                    { "Sign out" }
                </button>
            }
        </li>
    }
}

/// How long ago in words; the moment itself for who points at it.
fn when(unix_seconds: i64) -> Html {
    let words = words::ago(browser::now_ms() / 1_000.0 - unix_seconds as f64);
    html! { <time datetime={clock::iso(unix_seconds)} title={clock::exact(unix_seconds)}>{ words }</time> }
}
