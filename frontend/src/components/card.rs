//! A page that is one card on the ground.

use yew::prelude::*;

/// `page` is its name, for tests and styles.
pub fn card(page: &'static str, content: Html) -> Html {
    html! {
        <main class="door" data-page={page}>
            <div class="card">{ content }</div>
        </main>
    }
}
