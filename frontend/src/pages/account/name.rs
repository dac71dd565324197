//! The name that others see.

use crate::api;
use crate::components::{About, Button, note};
use crate::form::use_form;
use crate::session::use_session;
use shared::RenameRequest;
use web_sys::HtmlInputElement;
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct Props {
    pub name: AttrValue,
}

#[component]
pub fn Name(props: &Props) -> Html {
    let session = use_session();
    let form = use_form(&["name"], None);
    // Given to the element once: a value that is rendered again would undo what is typed.
    use_effect_with(props.name.clone(), {
        let input = form.element("name");
        move |name| {
            if let Some(input) = input.cast::<HtmlInputElement>() {
                input.set_value(name);
            }
        }
    });
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
                { note(About::Done("renamed"), "Your name is changed.".into()) }
            }
            <form id="rename" novalidate=true {onsubmit} oninput={form.oninput()}>
                { form.name_field() }
                { form.button("Change name", "Changing…", Button::default()) }
            </form>
        </section>
    }
}
