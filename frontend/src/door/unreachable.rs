//! The server does not answer, so nobody knows who is signed in. It is tried again by itself.

use crate::components::{Button, button, card};
use crate::hooks::use_page;
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct Props {
    /// The person does not want to wait.
    pub on_again: Callback<()>,
}

#[component]
pub fn Unreachable(props: &Props) -> Html {
    let heading = use_page("Cannot reach the server", None);
    let onclick = Some(props.on_again.reform(|_| ()));
    let content = html! {
        <>
            <h1 ref={heading} tabindex="-1">{ "Cannot reach the server" }</h1>
            <p class="sub" role="status">
                { "Either you are offline, or the server is not answering. This page keeps trying." }
            </p>
            { button(Button { onclick, ..Button::default() }, "Try again") }
        </>
    };
    card("unreachable", content)
}
