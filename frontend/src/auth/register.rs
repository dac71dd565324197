//! The registration form.

use super::use_auth::FormProps;
use crate::api;
use crate::browser::navigation;
use crate::components::{Button, card};
use crate::form::{NewPasswordField, use_form};
use crate::hooks::{use_mounted, use_page_heading, use_password_min_length};
use shared::{RegisterRequest, Secret};
use yew::prelude::*;

#[component]
pub fn Register(props: &FormProps) -> Html {
    let is_mounted = use_mounted();
    let form = use_form(&["name", "email", "password"], None);
    let min_chars = use_password_min_length();
    let heading = use_page_heading("Create an account", Some(&form.element("name")));
    let onsubmit = props.auth.onsubmit(&form, move |form| {
        let request = RegisterRequest {
            email: form.value("email").trim().to_owned(),
            password: Secret::new(form.value("password")),
            name: form.value("name").trim().to_owned(),
        };
        (request.validate(min_chars.unwrap_or(1)), async move { api::register(&request).await })
    });
    let oninput = props.auth.oninput(&form);
    let content = html! {
        <>
            <h1 ref={heading} tabindex="-1">{ "Create an account" }</h1>
            <p class="subtitle">{ "It only takes a minute" }</p>
            { form.error() }
            <form
                id="register"
                method="post"
                novalidate=true
                aria-busy={form.is_busy().then_some("true")}
                {onsubmit}
                {oninput}
            >
                { form.name_field() }
                { form.email_field() }
                <NewPasswordField
                    id="password"
                    hint_id="password-hint"
                    name="password"
                    label="Password"
                    form={form.clone()}
                    {min_chars}
                />
                { form.button("Create account", "Creating your account…", Button { disabled: !is_mounted, ..Button::default() }) }
            </form>
            <p class="card-footer">
                { "Already have an account? " }
                <a href={navigation::url("/")}>{ "Sign in" }</a>
            </p>
        </>
    };
    card("register", content)
}
