//! The login form.

use super::use_auth::FormProps;
use crate::api;
use crate::browser::navigation;
use crate::components::{Button, NoticeKind, card, live_text, notice};
use crate::form::use_form;
use crate::hooks::{use_mounted, use_page_heading};
use crate::sign_out_reason::SignOutReason;
use shared::{LoginRequest, Secret};
use yew::prelude::*;

#[component]
pub fn Login(props: &FormProps) -> Html {
    let is_mounted = use_mounted();
    let form = use_form(&["email", "password"], None);
    let heading = use_page_heading("Sign in", Some(&form.element("email")));
    let onsubmit = props.auth.onsubmit(&form, |form| {
        let request = LoginRequest {
            email: form.value("email").trim().to_owned(),
            password: Secret::new(form.value("password")),
        };
        (request.validate(), async move { api::login(&request).await })
    });
    let oninput = props.auth.oninput(&form);
    let content = html! {
        <>
            <h1 ref={heading} tabindex="-1">{ "Sign in" }</h1>
            <p class="subtitle">{ "Welcome back" }</p>
            { form.error().unwrap_or_else(|| explain(props.reason)) }
            <form
                id="login"
                // If the browser itself ever sends the form, the password must not get into the URL.
                method="post"
                novalidate=true
                aria-busy={form.is_busy().then_some("true")}
                {onsubmit}
                {oninput}
            >
                { form.email_field() }
                { form.password_field("password", "password", "Password") }
                { form.button("Sign in", "Signing in…", Button { disabled: !is_mounted, ..Button::default() }) }
            </form>
            <p class="card-footer">
                { "New here? " }
                <a href={navigation::url("/register")}>{ "Create an account" }</a>
            </p>
        </>
    };
    card("login", content)
}

/// Says why the user is signed out, until an attempt to sign in has failed.
fn explain(reason: Option<SignOutReason>) -> Html {
    let (name, text) = match reason {
        Some(SignOutReason::Ended) => ("ended", "Your session has ended. Please sign in again."),
        Some(SignOutReason::SignedOut) => ("signed_out", "You’ve signed out."),
        Some(SignOutReason::Deleted) => ("deleted", "Your account has been deleted."),
        None => return Html::default(),
    };
    notice(NoticeKind::SignedOut(name), live_text(text))
}
