//! The end of the account.

use crate::api;
use crate::components::{Button, PasswordField};
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
            let request = DeleteAccountRequest { password: Secret::new(form.typed("password")) };
            let session = session.clone();
            form.send(request.faults(), async move {
                session.noticing(api::delete_account(&request).await)?;
                session.deleted();
                Ok(())
            });
        })
    };
    html! {
        <section aria-labelledby="delete-title">
            <h2 id="delete-title">{ "Delete account" }</h2>
            <details id="delete-account">
                <summary>{ "Delete this account for good…" }</summary>
                <p>
                    { "Your account is deleted, and so is your user in chat. You are signed out everywhere. " }
                    { "Nobody can undo this." }
                </p>
                { form.trouble() }
                <form id="delete" novalidate=true {onsubmit} oninput={form.oninput()}>
                    <PasswordField
                        id="delete-password"
                        name="password"
                        label="Your password"
                        input={form.field("password")}
                        autocomplete="current-password"
                        shown={form.password_shown()}
                        on_show={form.on_show()}
                        fault={form.fault("password")}
                    />
                    <Button kind="submit" danger=true busy={form.is_busy()} unavailable={form.must_wait()}>
                        { if form.is_busy() { "Deleting…" } else { "Delete my account" } }
                    </Button>
                </form>
            </details>
        </section>
    }
}
