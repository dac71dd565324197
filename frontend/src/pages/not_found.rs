//! An address that leads nowhere.

use crate::browser;
use crate::components::card;
use crate::hooks::use_page;
use yew::prelude::*;

#[component]
pub fn NotFound() -> Html {
    let heading = use_page("Page not found", None);
    let content = html! {
        <>
            <h1 ref={heading} tabindex="-1">{ "Page not found" }</h1>
            <p class="sub">{ "There is nothing at this address. The link may be old, or mistyped." }</p>
            <p class="foot"><a href={browser::address("/")}>{ "Go to the start page" }</a></p>
        </>
    };
    card("not-found", content)
}
