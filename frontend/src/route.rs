//! The addresses of the app's pages.

use yew::prelude::*;
use yew_router::prelude::*;

#[derive(Clone, PartialEq, Routable)]
pub enum Route {
    #[at("/")]
    Home,
    #[at("/chat")]
    Chat,
    #[at("/chat/:uid")]
    Conversation { uid: String },
    #[at("/register")]
    Register,
    #[at("/account")]
    Account,
    #[not_found]
    #[at("/not-found")]
    NotFound,
}

/// Replaces an address of the login pages, so that the back button does not return to it.
#[component]
pub fn RedirectToChat() -> Html {
    let navigator = use_navigator();
    use_effect_with((), move |()| {
        if let Some(navigator) = navigator {
            navigator.replace(&Route::Chat);
        }
    });
    html! {}
}
