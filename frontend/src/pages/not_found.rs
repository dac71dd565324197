//! An address that leads nowhere.

use crate::app::Route;
use crate::components::Card;
use crate::hooks::use_page;
use yew::prelude::*;
use yew_router::prelude::*;

#[component]
pub fn NotFound() -> Html {
    let heading = use_page("Page not found", None);
    html! {
        <Card page="not-found">
            <h1 ref={heading} tabindex="-1">{ "Page not found" }</h1>
            <p class="sub">{ "There is nothing at this address. The link may be old, or mistyped." }</p>
            <p class="foot"><Link<Route> to={Route::Home}>{ "Go to the start page" }</Link<Route>></p>
        </Card>
    }
}
