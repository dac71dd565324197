//! Signed in: who you are, whether chat works, and the way out.

use crate::api::Failure;
use crate::chat::use_chat_status;
use crate::components::{Avatar, Button, Card, ChatIndicator, Note, Tone};
use crate::hooks::use_page;
use crate::session::{SignOut, use_session};
use shared::SessionResponse;
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct Props {
    pub user: SessionResponse,
    pub sign_out: SignOut,
}

#[component]
pub fn Home(props: &Props) -> Html {
    let Props { user, sign_out } = props;
    let heading = use_page(&user.name, None);
    let session = use_session();
    let status = use_chat_status();
    let leaving = *sign_out == SignOut::Running;
    let leave = Callback::from(move |_| {
        if !leaving {
            session.sign_out();
        }
    });
    html! {
        <Card page="home">
            if let SignOut::Failed(failure) = sign_out {
                <Note tone={Tone::Alert} code={crate::pages::login::code(failure)}>{ not_signed_out(failure) }</Note>
            }
            <div class="person">
                <Avatar name={user.name.clone()} />
                <div class="words">
                    <h1 ref={heading} tabindex="-1">{ &user.name }</h1>
                    <p class="sub">{ &user.email }</p>
                </div>
            </div>
            <ChatIndicator {status} />
            <Button id="sign-out" quiet=true busy={leaving} onclick={leave}>
                { if leaving { "Signing out…" } else { "Sign out" } }
            </Button>
        </Card>
    }
}

fn not_signed_out(failure: &Failure) -> &'static str {
    match failure {
        Failure::NoAnswer => "The server cannot be reached, so you are still signed in. Please try again.",
        Failure::Refused(_) => "Signing out did not work, so you are still signed in. Please try again.",
    }
}
