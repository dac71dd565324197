//! The form that signs in.

use super::{Form, FormProps};
use crate::components::{About, Button, card, note};
use crate::form::use_form;
use crate::hooks::{use_live, use_page};
use crate::mark::Reason;
use crate::{api, browser};
use shared::routes::Way;
use shared::{LoginRequest, Secret};
use yew::prelude::*;

impl Form for Login {
    const WAY: Way = Way::SignIn;
}

#[component]
pub fn Login(props: &FormProps) -> Html {
    let live = use_live();
    let form = use_form(&["email", "password"], None);
    let heading = use_page("Sign in", Some(&form.element("email")));
    let onsubmit = props.door.onsubmit(&form, |form| {
        let request = LoginRequest {
            email: form.typed("email").trim().to_owned(),
            password: Secret::new(form.typed("password")),
        };
        (request.faults(), async move { api::login(&request).await })
    });
    let oninput = props.door.oninput(&form);
    let content = html! {
        <>
            <h1 ref={heading} tabindex="-1">{ "Sign in" }</h1>
            <p class="sub">{ "to chat with your people" }</p>
            { form.trouble().unwrap_or_else(|| why(props.reason)) }
            <form
                id="login"
                // Should it ever be sent by the browser itself, then not in the address.
                method="post"
                novalidate=true
                aria-busy={form.is_busy().then_some("true")}
                {onsubmit}
                {oninput}
            >
                { form.email_field() }
                { form.password_field("password", "password", "Password") }
                { form.button("Sign in", "Signing in…", Button { disabled: !live, ..Button::default() }) }
            </form>
            <p class="foot">
                { "New here? " }
                <a href={browser::address("/register")}>{ "Create an account" }</a>
            </p>
        </>
    };
    card("login", content)
}

/// Before anything has gone wrong: why the form is here.
fn why(reason: Option<Reason>) -> Html {
    let (name, words) = match reason {
        Some(Reason::Ended) => ("ended", "Your session has ended. Please sign in again."),
        Some(Reason::SignedOut) => ("signed_out", "You are signed out."),
        Some(Reason::Deleted) => ("deleted", "Your account is deleted."),
        None => return Html::default(),
    };
    note(About::SignedOut(name), words.into())
}
