//! What is shown: by the address, and on the start page by the state of the session.

use crate::chat::ChatProvider;
use crate::pages::{Home, Login, NotFound, Starting, Unreachable};
use crate::session::{Session, SessionProvider, SignOut, use_session};
use yew::prelude::*;
use yew_router::prelude::*;

#[derive(Clone, PartialEq, Routable)]
pub enum Route {
    #[at("/")]
    Home,
    #[not_found]
    #[at("/not-found")]
    NotFound,
}

#[component]
pub fn App() -> Html {
    html! {
        <SessionProvider>
            <BrowserRouter>
                <Switch<Route> render={show} />
            </BrowserRouter>
        </SessionProvider>
    }
}

fn show(route: Route) -> Html {
    match route {
        Route::Home => html! { <Start /> },
        Route::NotFound => html! { <NotFound /> },
    }
}

/// The form, or what only somebody who is signed in may see.
#[component]
fn Start() -> Html {
    match use_session().state() {
        Session::Unknown => html! { <Starting /> },
        Session::Unreachable { .. } => html! { <Unreachable /> },
        Session::SignedOut { reason } => html! { <Login reason={*reason} /> },
        Session::SignedIn { user, chat_token, sign_out } => html! {
            <ChatProvider
                uid={user.id.clone()}
                token={chat_token.clone()}
                active={*sign_out != SignOut::Running}
            >
                <Home user={user.clone()} sign_out={sign_out.clone()} />
            </ChatProvider>
        },
    }
}
