//! The server does not answer, so nobody knows who is signed in. It is tried again by itself.

use crate::components::{Button, Card};
use crate::hooks::use_page;
use crate::session::use_session;
use yew::prelude::*;

#[component]
pub fn Unreachable() -> Html {
    let heading = use_page("Cannot reach the server", None);
    let session = use_session();
    let again = Callback::from(move |_| session.check());
    html! {
        <Card page="unreachable">
            <h1 ref={heading} tabindex="-1">{ "Cannot reach the server" }</h1>
            <p class="sub" role="status">
                { "Either you are offline, or the server is not answering. This page keeps trying." }
            </p>
            <Button onclick={again}>{ "Try again" }</Button>
        </Card>
    }
}
