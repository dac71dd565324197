//! Another password.

use crate::api;
use crate::components::{Button, NewPasswordField, Note, PasswordField, Tone};
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
                <Note tone={Tone::Quiet} done="password-changed">
                    { "Your password is changed. You are signed out everywhere else." }
                </Note>
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
                <PasswordField
                    id="current-password"
                    name="currentPassword"
                    label="Current password"
                    input={form.field("currentPassword")}
                    autocomplete="current-password"
                    shown={form.password_shown()}
                    on_show={form.on_show()}
                    fault={form.fault("currentPassword")}
                />
                <NewPasswordField
                    id="new-password"
                    name="newPassword"
                    label="New password"
                    input={form.field("newPassword")}
                    shown={form.password_shown()}
                    on_show={form.on_show()}
                    fault={form.fault("newPassword")}
                    {min_chars}
                    emptied={form.successes()}
                />
                <Button kind="submit" busy={form.is_busy()} unavailable={form.must_wait()}>
                    { if form.is_busy() { "Changing…" } else { "Change password" } }
                </Button>
            </form>
        </section>
    }
}
