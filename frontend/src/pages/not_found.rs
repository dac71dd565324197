//! The page for unknown addresses.

use crate::browser::navigation;
use crate::components::card;
use crate::hooks::use_page_heading;
use yew::prelude::*;

#[component]
pub fn NotFound() -> Html {
    let heading = use_page_heading("Page not found", None);
    let content = html! {
        <>
            <h1 ref={heading} tabindex="-1">{ "Page not found" }</h1>
            <p class="subtitle">{ "The link may be outdated or mistyped." }</p>
            <p class="card-footer"><a href={navigation::url("/")}>{ "Go to the start page" }</a></p>
        </>
    };
    card("not-found", content)
}
