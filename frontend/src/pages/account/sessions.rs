//! The section that lists the user's sessions and ends them.

use crate::api::{self, RequestError};
use crate::browser::timer::now_ms;
use crate::components::{Button, ButtonStyle, NoticeKind, button, live_text, notice};
use crate::session::use_session;
use crate::{datetime, form, text};
use shared::{SessionInfo, visible_text};
use std::rc::Rc;
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

/// The list, which stays visible while it is fetched again.
#[derive(Clone, PartialEq, Default)]
struct SessionList {
    sessions: Option<Rc<[SessionInfo]>>,
    error: Option<RequestError>,
    busy: bool,
}

/// The sessions to end before the list is fetched.
#[derive(Clone, PartialEq)]
enum End {
    None,
    One(String),
    Others,
}

#[component]
pub fn Sessions() -> Html {
    let session = use_session();
    let list = use_state_eq(SessionList::default);
    let end_and_fetch = {
        let list = list.clone();
        Callback::from(move |end: End| {
            if list.busy {
                return;
            }
            let before = SessionList { error: None, busy: true, ..(*list).clone() };
            list.set(before.clone());
            let (list, session) = (list.setter(), session.clone());
            spawn_local(async move {
                let ended = match &end {
                    End::None => Ok(()),
                    End::One(id) => api::end_sessions(Some(id)).await,
                    End::Others => api::end_sessions(None).await.map(|()| session.rotated()),
                };
                let fetched = match ended {
                    Ok(()) => api::sessions().await,
                    Err(error) => Err(error),
                };
                list.set(match session.check_auth(fetched) {
                    Ok(sessions) => SessionList { sessions: Some(sessions.into()), ..SessionList::default() },
                    Err(error) => SessionList { error: Some(error), busy: false, ..before },
                });
            });
        })
    };
    use_effect_with((), {
        let end_and_fetch = end_and_fetch.clone();
        move |()| end_and_fetch.emit(End::None)
    });

    let sessions = list.sessions.as_deref().unwrap_or_default();
    let others = sessions.iter().filter(|session| !session.current).count();
    let on_end = |end: End| end_and_fetch.reform(move |_: MouseEvent| end.clone());
    let end_others = Button {
        id: Some("end-other-sessions"),
        style: ButtonStyle::Quiet,
        busy: list.busy,
        onclick: Some(on_end(End::Others)),
        ..Button::default()
    };
    html! {
        <section aria-labelledby="sessions-title" aria-busy={list.busy.then_some("true")}>
            <h2 id="sessions-title">{ "Your devices" }</h2>
            if let Some(error) = &list.error {
                {
                    notice(NoticeKind::Error { code: form::code(error), count: 0 }, html! {
                        <>
                            { live_text(format!("{error} ")) }
                            <button type="button" class="link" onclick={on_end(End::None)}>{ "Try again" }</button>
                        </>
                    })
                }
            }
            <ul id="sessions" class="sessions">
                { for sessions.iter().map(|session| item(session, on_end(End::One(session.id.clone())))) }
            </ul>
            if others > 1 {
                { button(end_others, "Sign out all other devices") }
            }
        </section>
    }
}

fn item(session: &SessionInfo, on_end: Callback<MouseEvent>) -> Html {
    html! {
        <li key={session.id.clone()} data-session={session.id.clone()} data-current={session.current.then_some("true")}>
            <div class="text">
                <strong><bdi translate="no">{ live_text(visible_text::without_hidden(&session.device)) }</bdi></strong>
                if session.current {
                    { " " }
                    <span class="badge">{ "This device" }</span>
                }
                <span class="subtitle">
                    <bdi translate="no">{ live_text(session.address.clone()) }</bdi>
                    { " · signed in " }
                    { age(session.created_at) }
                    { " · last active " }
                    { age(session.last_seen_at) }
                </span>
            </div>
            if !session.current {
                <button
                    type="button"
                    class="button small end-session"
                    data-variant="quiet"
                    aria-label={format!("Sign out {}", visible_text::isolated(&session.device))}
                    onclick={on_end}
                >
                    { "Sign out" }
                </button>
            }
        </li>
    }
}

/// Renders how long ago a time was, with the exact time as a tooltip.
fn age(unix_seconds: i64) -> Html {
    let text = text::ago(now_ms() / 1_000.0 - unix_seconds as f64);
    html! { <time datetime={datetime::iso(unix_seconds)} title={datetime::exact(unix_seconds)}>{ live_text(text) }</time> }
}
