//! The name that others see.

use crate::api;
use crate::components::{Button, Field, Note, Tone};
use crate::form::use_form;
use crate::session::use_session;
use shared::RenameRequest;
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct Props {
    pub name: AttrValue,
}

#[component]
pub fn Name(props: &Props) -> Html {
    let session = use_session();
    let form = use_form(&["name"], None);
    let onsubmit = {
        let form = form.clone();
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            let request = RenameRequest { name: form.typed("name").trim().to_owned() };
            let session = session.clone();
            form.send(request.faults(), async move {
                let renamed = session.noticing(api::rename(&request).await)?;
                session.renamed(renamed);
                Ok(())
            });
        })
    };
    html! {
        <section aria-labelledby="name-title">
            <h2 id="name-title">{ "Name" }</h2>
            <p class="about">{ "What others see in chat." }</p>
            { form.trouble() }
            if form.is_done() {
                <Note tone={Tone::Quiet} done="renamed">{ "Your name is changed." }</Note>
            }
            <form id="rename" novalidate=true {onsubmit} oninput={form.oninput()}>
                <Field
                    id="name"
                    label="Your name"
                    input={form.field("name")}
                    kind="text"
                    autocomplete="name"
                    autocapitalize="words"
                    initial={props.name.clone()}
                    fault={form.fault("name")}
                />
                <Button kind="submit" busy={form.is_busy()} unavailable={form.must_wait()}>
                    { if form.is_busy() { "Changing…" } else { "Change name" } }
                </Button>
            </form>
        </section>
    }
}
