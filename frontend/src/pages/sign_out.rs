//! The way out, on every page of somebody who is signed in.

use crate::api::Failure;
use crate::components::{Button, Note, Tone};
use crate::form;
use crate::session::{SignOut, use_session};
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct Props {
    pub sign_out: SignOut,
}

#[component]
pub fn SignOutButton(props: &Props) -> Html {
    let session = use_session();
    let leaving = props.sign_out == SignOut::Running;
    let leave = Callback::from(move |_| {
        if !leaving {
            session.sign_out();
        }
    });
    html! {
        <>
            if let SignOut::Failed(failure) = &props.sign_out {
                <Note tone={Tone::Alert} code={form::code(failure)}>{ not_signed_out(failure) }</Note>
            }
            <Button id="sign-out" quiet=true busy={leaving} onclick={leave}>
                { if leaving { "Signing out…" } else { "Sign out" } }
            </Button>
        </>
    }
}

fn not_signed_out(failure: &Failure) -> &'static str {
    match failure {
        Failure::NoAnswer => "The server cannot be reached, so you are still signed in. Please try again.",
        Failure::Refused(_) => "Signing out did not work, so you are still signed in. Please try again.",
    }
}
