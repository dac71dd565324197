//! The form that makes an account.

use crate::app::Route;
use crate::components::{Button, Card, Field, NewPasswordField};
use crate::form::use_form;
use crate::hooks::{use_page, use_password_length};
use crate::session::use_session;
use crate::{api, chat};
use shared::{RegisterRequest, Secret};
use yew::prelude::*;
use yew_router::prelude::*;

#[component]
pub fn Register() -> Html {
    let session = use_session();
    let form = use_form(&["name", "email", "password"], None);
    let min_chars = use_password_length();
    let heading = use_page("Create an account", Some(&form.field("name")));
    let onsubmit = {
        let form = form.clone();
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            let request = RegisterRequest {
                email: form.typed("email").trim().to_owned(),
                password: Secret::new(form.typed("password")),
                name: form.typed("name").trim().to_owned(),
            };
            let session = session.clone();
            form.send(request.faults(min_chars.unwrap_or(1)), async move {
                chat::preload();
                api::register(&request).await.map(|answer| session.signed_in(answer))
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
        <Card page="register">
            <h1 ref={heading} tabindex="-1">{ "Create an account" }</h1>
            <p class="sub">{ "to chat with your people" }</p>
            { form.trouble() }
            <form
                id="register"
                novalidate=true
                aria-busy={form.is_busy().then_some("true")}
                {onsubmit}
                {oninput}
            >
                <Field
                    id="name"
                    label="Your name"
                    input={form.field("name")}
                    kind="text"
                    autocomplete="name"
                    autocapitalize="words"
                    fault={form.fault("name")}
                />
                <Field
                    id="email"
                    label="Email address"
                    input={form.field("email")}
                    kind="email"
                    autocomplete="username"
                    inputmode="email"
                    fault={form.fault("email")}
                />
                <NewPasswordField
                    id="password"
                    name="password"
                    label="Password"
                    input={form.field("password")}
                    shown={form.password_shown()}
                    on_show={form.on_show()}
                    fault={form.fault("password")}
                    {min_chars}
                />
                <Button kind="submit" busy={form.is_busy()} unavailable={form.must_wait()}>
                    { if form.is_busy() { "Creating your account…" } else { "Create account" } }
                </Button>
            </form>
            <p class="foot">
                { "You have an account? " }
                <Link<Route> to={Route::Home}>{ "Sign in" }</Link<Route>>
            </p>
        </Card>
    }
}
