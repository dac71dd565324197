//! The program for signed-in users: shows the page that the address names.

use crate::browser::{dom, navigation};
use crate::cometchat::ChatProvider;
use crate::handoff::SignedInUser;
use crate::hooks::mark_page_shown;
use crate::pages::{Account, Chat, NotFound};
use crate::route::{RedirectToChat, Route};
use crate::session::{Session, SessionProvider, SignOut, use_session};
use shared::validation;
use yew::prelude::*;
use yew_router::prelude::*;

/// Takes over the page from the `auth` program. `user` is a [`SignedInUser`] in JSON.
pub fn start(user: &str) {
    let (Some(root), Ok(user)) = (dom::root(), serde_json::from_str::<SignedInUser>(user)) else { return };
    if user.from_form {
        mark_page_shown();
    }
    yew::Renderer::<App>::with_root_and_props(root, Props { user }).render();
}

#[derive(PartialEq, Properties)]
struct Props {
    user: SignedInUser,
}

#[component]
fn App(props: &Props) -> Html {
    html! {
        <SessionProvider user={props.user.clone()}>
            <BrowserRouter basename={navigation::base_path()}>
                <Pages />
            </BrowserRouter>
        </SessionProvider>
    }
}

#[component]
fn Pages() -> Html {
    let route = use_route::<Route>().unwrap_or(Route::NotFound);
    let session = use_session();
    let check_session = {
        let session = session.clone();
        Callback::from(move |()| session.check())
    };
    match session.state() {
        // The session provider is reloading the page.
        Session::Over => html! {},
        // The provider is outside of all pages, so that navigation does not close the connection.
        Session::SignedIn { user, chat_token, sign_out } => html! {
            <ChatProvider
                uid={user.id.clone()}
                token={chat_token.clone()}
                active={*sign_out != SignOut::Running}
                {check_session}
            >
                {
                    match route {
                        Route::Chat => html! { <Chat user={user.clone()} sign_out={sign_out.clone()} /> },
                        // Only a valid uid may become part of the URL of an API call.
                        Route::Conversation { uid } if validation::is_uid(&uid) => html! {
                            <Chat user={user.clone()} sign_out={sign_out.clone()} peer={AttrValue::from(uid)} />
                        },
                        Route::Account => html! { <Account user={user.clone()} sign_out={sign_out.clone()} /> },
                        Route::Home | Route::Register => html! { <RedirectToChat /> },
                        Route::Conversation { .. } | Route::NotFound => html! { <NotFound /> },
                    }
                }
            </ChatProvider>
        },
    }
}
