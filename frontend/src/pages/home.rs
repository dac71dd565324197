//! Signed in: who you are, whether chat works, and the ways on.

use super::sign_out::SignOutButton;
use crate::app::Route;
use crate::chat::use_chat_status;
use crate::components::{Avatar, Card, ChatIndicator};
use crate::hooks::use_page;
use crate::session::SignOut;
use shared::SessionResponse;
use yew::prelude::*;
use yew_router::prelude::*;

#[derive(PartialEq, Properties)]
pub struct Props {
    pub user: SessionResponse,
    pub sign_out: SignOut,
}

#[component]
pub fn Home(props: &Props) -> Html {
    let Props { user, sign_out } = props;
    let heading = use_page(&user.name, None);
    let status = use_chat_status();
    html! {
        <Card page="home">
            <div class="person">
                <Avatar name={user.name.clone()} />
                <div class="words">
                    <h1 ref={heading} tabindex="-1">{ &user.name }</h1>
                    <p class="sub">{ &user.email }</p>
                </div>
            </div>
            <ChatIndicator {status} />
            <SignOutButton sign_out={sign_out.clone()} />
            <p class="foot"><Link<Route> to={Route::Account}>{ "Your account" }</Link<Route>></p>
        </Card>
    }
}
