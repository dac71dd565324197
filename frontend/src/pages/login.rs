//! The form that signs in.

use crate::app::Route;
use crate::components::{Button, Card, Field, Note, PasswordField, Tone};
use crate::form::use_form;
use crate::hooks::use_page;
use crate::session::{Reason, use_session};
use crate::{api, chat};
use shared::{LoginRequest, Secret};
use yew::prelude::*;
use yew_router::prelude::*;

#[derive(PartialEq, Properties)]
pub struct Props {
    /// Why somebody who was signed in sees the form.
    pub reason: Option<Reason>,
}

#[component]
pub fn Login(props: &Props) -> Html {
    let session = use_session();
    let form = use_form(&["email", "password"], None);
    let heading = use_page("Sign in", Some(&form.field("email")));
    let onsubmit = {
        let form = form.clone();
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            let request = LoginRequest {
                email: form.typed("email").trim().to_owned(),
                password: Secret::new(form.typed("password")),
            };
            let session = session.clone();
            form.send(request.faults(), async move {
                chat::preload();
                api::login(&request).await.map(|answer| session.signed_in(answer))
            });
        })
    };
    let oninput = {
        let edited = form.oninput();
        Callback::from(move |event| {
            chat::preload();
            edited.emit(event);
        })
    };
    html! {
        <Card page="login">
            <h1 ref={heading} tabindex="-1">{ "Sign in" }</h1>
            <p class="sub">{ "to chat with your people" }</p>
            { form.trouble().unwrap_or_else(|| why(props.reason)) }
            <form
                id="login"
                novalidate=true
                aria-busy={form.is_busy().then_some("true")}
                {onsubmit}
                {oninput}
            >
                <Field
                    id="email"
                    label="Email address"
                    input={form.field("email")}
                    kind="email"
                    autocomplete="username"
                    inputmode="email"
                    fault={form.fault("email")}
                />
                <PasswordField
                    id="password"
                    label="Password"
                    input={form.field("password")}
                    autocomplete="current-password"
                    shown={form.password_shown()}
                    on_show={form.on_show()}
                    fault={form.fault("password")}
                />
                <Button kind="submit" busy={form.is_busy()} unavailable={form.must_wait()}>
                    { if form.is_busy() { "Signing in…" } else { "Sign in" } }
                </Button>
            </form>
            <p class="foot">
                { "New here? " }
                <Link<Route> to={Route::Register}>{ "Create an account" }</Link<Route>>
            </p>
        </Card>
    }
}

/// Before anything has gone wrong: why the form is here.
fn why(reason: Option<Reason>) -> Html {
    let (name, words) = match reason {
        Some(Reason::Ended) => ("ended", "Your session has ended. Please sign in again."),
        Some(Reason::SignedOut) => ("signed_out", "You are signed out."),
        Some(Reason::Deleted) => ("deleted", "Your account is deleted."),
        None => return html! {},
    };
    html! { <Note tone={Tone::Quiet} reason={name}>{ words }</Note> }
}
