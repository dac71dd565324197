//! The section that changes the password.

use crate::api;
use crate::components::{Button, NoticeKind, notice};
use crate::form::{NewPasswordField, use_form};
use crate::hooks::use_password_min_length;
use crate::session::use_session;
use shared::{ChangePasswordRequest, Secret};
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct Props {
    pub email: AttrValue,
}

#[component]
pub fn ChangePassword(props: &Props) -> Html {
    let session = use_session();
    let form = use_form(&["currentPassword", "newPassword"], Some("currentPassword"));
    let min_chars = use_password_min_length();
    let onsubmit = {
        let form = form.clone();
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            let request = ChangePasswordRequest {
                current_password: Secret::new(form.value("currentPassword")),
                new_password: Secret::new(form.value("newPassword")),
            };
            let (session, sent_form) = (session.clone(), form.clone());
            form.send(request.validate(min_chars.unwrap_or(1)), async move {
                session.check_auth(api::change_password(&request).await)?;
                session.rotated();
                sent_form.clear("currentPassword");
                sent_form.clear("newPassword");
                Ok(())
            });
        })
    };
    html! {
        <section aria-labelledby="password-title">
            <h2 id="password-title">{ "Password" }</h2>
            <p class="section-hint">{ "Changing it signs you out on all other devices." }</p>
            { form.error() }
            if form.is_done() {
                {
                    notice(
                        NoticeKind::Done("password-changed"),
                        "Your password has been changed. You’re signed out on all other devices.".into(),
                    )
                }
            }
            <form id="change-password" novalidate=true {onsubmit} oninput={form.oninput()}>
                // Tells password managers which account the password belongs to.
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
