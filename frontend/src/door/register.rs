//! The form that makes an account.

use super::{Form, FormProps};
use crate::components::{Button, NewPasswordField, card};
use crate::form::use_form;
use crate::hooks::{use_live, use_page, use_password_length};
use crate::{api, browser};
use shared::routes::Way;
use shared::{RegisterRequest, Secret};
use yew::prelude::*;

impl Form for Register {
    const WAY: Way = Way::Register;
}

#[component]
pub fn Register(props: &FormProps) -> Html {
    let live = use_live();
    let form = use_form(&["name", "email", "password"], None);
    let min_chars = use_password_length();
    let heading = use_page("Create an account", Some(&form.element("name")));
    let onsubmit = props.door.onsubmit(&form, move |form| {
        let request = RegisterRequest {
            email: form.typed("email").trim().to_owned(),
            password: Secret::new(form.typed("password")),
            name: form.typed("name").trim().to_owned(),
        };
        (request.faults(min_chars.unwrap_or(1)), async move { api::register(&request).await })
    });
    let oninput = props.door.oninput(&form);
    let content = html! {
        <>
            <h1 ref={heading} tabindex="-1">{ "Create an account" }</h1>
            <p class="sub">{ "to chat with your people" }</p>
            { form.trouble() }
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
                { form.button("Create account", "Creating your account…", Button { disabled: !live, ..Button::default() }) }
            </form>
            <p class="foot">
                { "You have an account? " }
                <a href={browser::address("/")}>{ "Sign in" }</a>
            </p>
        </>
    };
    card("register", content)
}
