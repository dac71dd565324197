//! Before it is known who is signed in. For the blink that this usually takes, only the ground is seen.

use yew::prelude::*;

#[component]
pub fn Starting() -> Html {
    html! {
        <main class="door" data-page="starting" aria-busy="true">
            <p class="patience" role="status">{ "One moment…" }</p>
        </main>
    }
}
