//! A page that consists of one centered card.

use yew::prelude::*;

/// Renders the page; `page` is its name for tests and styles.
pub fn card(page: &'static str, content: Html) -> Html {
    html! {
        <main class="centered-page" data-page={page}>
            <div class="card">{ content }</div>
        </main>
    }
}
