//! The way out, on every page of somebody who is signed in.

use crate::api::Failure;
use crate::components::{About, Button, Glyph, Look, button, icon, note};
use crate::form;
use crate::session::{SignOut, use_session};
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct Props {
    pub sign_out: SignOut,
}

#[component]
pub fn SignOutButton(props: &Props) -> Html {
    let leave = use_leave(&props.sign_out);
    let leaving = props.sign_out == SignOut::Running;
    let out = Button {
        id: Some("sign-out"),
        look: Look::Quiet,
        busy: leaving,
        onclick: Some(leave),
        ..Button::default()
    };
    html! {
        <>
            { trouble(&props.sign_out) }
            { button(out, if leaving { "Signing out…" } else { "Sign out" }) }
        </>
    }
}

/// The same, where there is room for a picture only.
#[component]
pub fn SignOutIcon(props: &Props) -> Html {
    let leave = use_leave(&props.sign_out);
    let leaving = props.sign_out == SignOut::Running;
    html! {
        <>
            <button
                id="sign-out"
                type="button"
                class="round"
                aria-busy={leaving.then_some("true")}
                onclick={leave}
            >
                { icon(Glyph::Exit) }
                <span class="unseen">{ if leaving { "Signing out…" } else { "Sign out" } }</span>
            </button>
            { trouble(&props.sign_out) }
        </>
    }
}

#[hook]
fn use_leave(sign_out: &SignOut) -> Callback<MouseEvent> {
    let session = use_session();
    let leaving = *sign_out == SignOut::Running;
    Callback::from(move |_| {
        if !leaving {
            session.sign_out();
        }
    })
}

fn trouble(sign_out: &SignOut) -> Html {
    match sign_out {
        SignOut::Failed(failure) => {
            note(About::Trouble { code: form::code(failure), count: 0 }, not_signed_out(failure).into())
        }
        SignOut::NotAsked | SignOut::Running => Html::default(),
    }
}

fn not_signed_out(failure: &Failure) -> &'static str {
    match failure {
        Failure::NoAnswer => "The server cannot be reached, so you are still signed in. Please try again.",
        Failure::Refused(_) => "Signing out did not work, so you are still signed in. Please try again.",
    }
}
