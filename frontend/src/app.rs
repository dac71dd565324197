//! The program for whoever is signed in: what is shown, by the address.

use crate::browser;
use crate::chat::ChatProvider;
use crate::entry::Entry;
use crate::hooks::a_page_was_shown;
use crate::pages::{Account, Chat, NotFound};
use crate::session::{Session, SessionProvider, SignOut, use_session};
use shared::limits;
use yew::prelude::*;
use yew_router::prelude::*;

#[derive(Clone, PartialEq, Routable)]
pub enum Route {
    #[at("/")]
    Home,
    #[at("/chat")]
    Chat,
    #[at("/chat/:uid")]
    Thread { uid: String },
    #[at("/register")]
    Register,
    #[at("/account")]
    Account,
    #[not_found]
    #[at("/not-found")]
    NotFound,
}

/// Takes over the page for whom the door has let in. `entry` is an [`Entry`] in JSON.
pub fn start(entry: &str) {
    let (Some(root), Ok(entry)) = (browser::root(), serde_json::from_str::<Entry>(entry)) else { return };
    if entry.from_form {
        a_page_was_shown();
    }
    yew::Renderer::<App>::with_root_and_props(root, Props { entry }).render();
}

#[derive(PartialEq, Properties)]
struct Props {
    entry: Entry,
}

#[component]
fn App(props: &Props) -> Html {
    html! {
        <SessionProvider entry={props.entry.clone()}>
            <BrowserRouter basename={browser::base_path()}>
                <Pages />
            </BrowserRouter>
        </SessionProvider>
    }
}

#[component]
fn Pages() -> Html {
    let route = use_route::<Route>().unwrap_or(Route::NotFound);
    match use_session().state() {
        // The page is being loaded anew.
        Session::Over => html! {},
        // Around all pages: going from one to another must not end the connection.
        Session::SignedIn { user, chat_token, sign_out } => html! {
            <ChatProvider
                uid={user.id.clone()}
                token={chat_token.clone()}
                active={*sign_out != SignOut::Running}
            >
                {
                    match route {
                        Route::Chat => html! { <Chat user={user.clone()} sign_out={sign_out.clone()} /> },
                        // What cannot be a uid must not get into the address of a call.
                        Route::Thread { uid } if limits::is_uid(&uid) => html! {
                            <Chat user={user.clone()} sign_out={sign_out.clone()} peer={AttrValue::from(uid)} />
                        },
                        Route::Account => html! { <Account user={user.clone()} sign_out={sign_out.clone()} /> },
                        Route::Home | Route::Register => html! { <IntoChat /> },
                        Route::Thread { .. } | Route::NotFound => html! { <NotFound /> },
                    }
                }
            </ChatProvider>
        },
    }
}

/// Who is signed in has no more business at the door, and does not get back to it either.
#[component]
fn IntoChat() -> Html {
    let navigator = use_navigator();
    use_effect_with((), move |()| {
        if let Some(navigator) = navigator {
            navigator.replace(&Route::Chat);
        }
    });
    html! {}
}
