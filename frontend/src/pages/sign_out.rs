//! The sign-out buttons, one of which is on every page of a signed-in user.

use crate::api::RequestError;
use crate::components::{Button, ButtonStyle, Glyph, NoticeKind, button, icon, live_text, notice};
use crate::form;
use crate::session::{SignOut, use_session};
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct Props {
    pub sign_out: SignOut,
}

#[component]
pub fn SignOutButton(props: &Props) -> Html {
    let onclick = use_sign_out(&props.sign_out);
    let is_running = props.sign_out == SignOut::Running;
    let options = Button {
        id: Some("sign-out"),
        style: ButtonStyle::Quiet,
        busy: is_running,
        onclick: Some(onclick),
        ..Button::default()
    };
    html! {
        <>
            { error(&props.sign_out) }
            { button(options, if is_running { "Signing out…" } else { "Sign out" }) }
        </>
    }
}

/// The sign-out button as an icon, for narrow places.
#[component]
pub fn SignOutIcon(props: &Props) -> Html {
    let onclick = use_sign_out(&props.sign_out);
    let is_running = props.sign_out == SignOut::Running;
    html! {
        <>
            <button
                id="sign-out"
                type="button"
                class="icon-button"
                aria-busy={is_running.then_some("true")}
                {onclick}
            >
                { icon(Glyph::Exit) }
                <span class="visually-hidden">
                    { live_text(if is_running { "Signing out…" } else { "Sign out" }) }
                </span>
            </button>
            { error(&props.sign_out) }
        </>
    }
}

#[hook]
fn use_sign_out(sign_out: &SignOut) -> Callback<MouseEvent> {
    let session = use_session();
    let is_running = *sign_out == SignOut::Running;
    Callback::from(move |_| {
        if !is_running {
            session.sign_out();
        }
    })
}

fn error(sign_out: &SignOut) -> Html {
    match sign_out {
        SignOut::Failed(error) => {
            notice(NoticeKind::Error { code: form::code(error), count: 0 }, live_text(error_text(error)))
        }
        SignOut::NotRequested | SignOut::Running => Html::default(),
    }
}

fn error_text(error: &RequestError) -> &'static str {
    match error {
        RequestError::Rejected(_) => "Couldn’t sign you out. You’re still signed in. Please try again.",
        _ => "Can’t reach the server. You’re still signed in. Please try again.",
    }
}
