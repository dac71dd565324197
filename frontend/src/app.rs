//! What is shown: by the address, and on the start page by the state of the session.

use crate::browser;
use crate::chat::ChatProvider;
use crate::pages::{Account, Chat, Login, NotFound, Register, Starting, Unreachable};
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

#[component]
pub fn App() -> Html {
    html! {
        <SessionProvider>
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
        Session::Unknown => html! { <Starting /> },
        Session::Unreachable { .. } => html! { <Unreachable /> },
        Session::SignedOut { reason } => match route {
            Route::Register => html! { <Register /> },
            // The address stays, and is where they are once they have signed in.
            Route::Home | Route::Chat | Route::Thread { .. } | Route::Account => {
                html! { <Login reason={*reason} /> }
            }
            Route::NotFound => html! { <NotFound /> },
        },
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
                        Route::Home | Route::Register => html! { <Redirect<Route> to={Route::Chat} /> },
                        Route::Thread { .. } | Route::NotFound => html! { <NotFound /> },
                    }
                }
            </ChatProvider>
        },
    }
}
