//! The account page, one module for each section.

mod delete;
mod name;
mod password;
mod sessions;

use super::sign_out::SignOutButton;
use crate::components::card;
use crate::hooks::use_page_heading;
use crate::route::Route;
use crate::session::SignOut;
use delete::Delete;
use name::Name;
use password::ChangePassword;
use sessions::Sessions;
use shared::{UserResponse, visible_text};
use yew::prelude::*;
use yew_router::prelude::*;

#[derive(PartialEq, Properties)]
pub struct Props {
    pub user: UserResponse,
    pub sign_out: SignOut,
}

#[component]
pub fn Account(props: &Props) -> Html {
    let Props { user, sign_out } = props;
    let heading = use_page_heading("Your account", None);
    let content = html! {
        <>
            <h1 ref={heading} tabindex="-1">{ "Your account" }</h1>
            <p class="subtitle">
                <bdi>{ visible_text::without_hidden(&user.email) }</bdi>
                { " · " }
                <Link<Route> to={Route::Chat}>{ "Back to chat" }</Link<Route>>
            </p>
            <Name name={visible_text::without_hidden(&user.name)} />
            <ChangePassword email={user.email.clone()} />
            <Sessions />
            <Delete />
            <SignOutButton sign_out={sign_out.clone()} />
        </>
    };
    card("account", content)
}
