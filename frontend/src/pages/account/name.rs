//! The section that changes the display name.

use crate::api;
use crate::components::{Button, NoticeKind, notice};
use crate::form::use_form;
use crate::session::use_session;
use shared::UpdateAccountRequest;
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
    // Set once: a rendered `value` would overwrite what the user types.
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
            let request = UpdateAccountRequest { name: form.value("name").trim().to_owned() };
            let session = session.clone();
            form.send(request.validate(), async move {
                let renamed = session.check_auth(api::rename(&request).await)?;
                session.renamed(renamed);
                Ok(())
            });
        })
    };
    html! {
        <section aria-labelledby="name-title">
            <h2 id="name-title">{ "Name" }</h2>
            <p class="section-hint">{ "How other people see you in chat." }</p>
            { form.error() }
            if form.is_done() {
                { notice(NoticeKind::Done("renamed"), "Your name has been changed.".into()) }
            }
            <form id="rename" novalidate=true {onsubmit} oninput={form.oninput()}>
                { form.name_field() }
                { form.button("Change name", "Changing…", Button::default()) }
            </form>
        </section>
    }
}
