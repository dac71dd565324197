//! Shown while the server does not respond and it is unknown whether a session exists.

use crate::components::{Button, button, card};
use crate::hooks::use_page_heading;
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct Props {
    pub on_retry: Callback<()>,
}

#[component]
pub fn Unreachable(props: &Props) -> Html {
    let heading = use_page_heading("Can’t reach the server", None);
    let onclick = Some(props.on_retry.reform(|_| ()));
    let content = html! {
        <>
            <h1 ref={heading} tabindex="-1">{ "Can’t reach the server" }</h1>
            <p class="subtitle" role="status">
                { "You may be offline, or the server isn’t responding. We’ll keep trying." }
            </p>
            { button(Button { onclick, ..Button::default() }, "Try again") }
        </>
    };
    card("unreachable", content)
}
