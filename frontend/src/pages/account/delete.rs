//! The section that deletes the account.

use crate::api;
use crate::components::{Button, ButtonStyle};
use crate::form::use_form;
use crate::session::use_session;
use shared::{DeleteAccountRequest, Secret};
use yew::prelude::*;

#[component]
pub fn Delete() -> Html {
    let session = use_session();
    let form = use_form(&["password"], Some("password"));
    let onsubmit = {
        let form = form.clone();
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            let request = DeleteAccountRequest { password: Secret::new(form.value("password")) };
            let session = session.clone();
            form.send(request.validate(), async move {
                session.check_auth(api::delete_account(&request).await)?;
                session.deleted();
                Ok(())
            });
        })
    };
    html! {
        <section aria-labelledby="delete-title">
            <h2 id="delete-title">{ "Delete account" }</h2>
            <details id="delete-account">
                <summary>{ "Delete my account…" }</summary>
                <p>
                    { "This deletes your account and your chat profile, and signs you out on all devices. " }
                    { "You can’t undo it." }
                </p>
                { form.error() }
                <form id="delete" novalidate=true {onsubmit} oninput={form.oninput()}>
                    { form.password_field("delete-password", "password", "Your password") }
                    { form.button("Delete my account", "Deleting…", Button { style: ButtonStyle::Danger, ..Button::default() }) }
                </form>
            </details>
        </section>
    }
}
