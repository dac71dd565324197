//! Another password.

use crate::api;
use crate::components::{About, Button, NewPasswordField, note};
use crate::form::use_form;
use crate::hooks::use_password_length;
use crate::session::use_session;
use shared::{PasswordRequest, Secret};
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct Props {
    pub email: AttrValue,
}

#[component]
pub fn ChangePassword(props: &Props) -> Html {
    let session = use_session();
    let form = use_form(&["currentPassword", "newPassword"], Some("currentPassword"));
    let min_chars = use_password_length();
    let onsubmit = {
        let form = form.clone();
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            let request = PasswordRequest {
                current_password: Secret::new(form.typed("currentPassword")),
                new_password: Secret::new(form.typed("newPassword")),
            };
            let (session, sent) = (session.clone(), form.clone());
            form.send(request.faults(min_chars.unwrap_or(1)), async move {
                session.noticing(api::change_password(&request).await)?;
                session.rotated();
                sent.clear("currentPassword");
                sent.clear("newPassword");
                Ok(())
            });
        })
    };
    html! {
        <section aria-labelledby="password-title">
            <h2 id="password-title">{ "Password" }</h2>
            <p class="about">{ "A new one signs you out everywhere else." }</p>
            { form.trouble() }
            if form.is_done() {
                {
                    note(
                        About::Done("password-changed"),
                        "Your password is changed. You are signed out everywhere else.".into(),
                    )
                }
            }
            <form id="change-password" novalidate=true {onsubmit} oninput={form.oninput()}>
                // Tells a password manager whose password it is.
                <input
                    type="email"
                    autocomplete="username"
                    value={props.email.clone()}
                    readonly=true
                    hidden=true
                />
                { form.password_field("current-password", "currentPassword", "Current password") }
                <NewPasswordField
                    id="new-password"
                    hint_id="new-password-hint"
                    name="newPassword"
                    label="New password"
                    form={form.clone()}
                    {min_chars}
                />
                { form.button("Change password", "Changing…", Button::default()) }
            </form>
        </section>
    }
}
