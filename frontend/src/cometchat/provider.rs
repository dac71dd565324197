//! Keeps CometChat connected while a user is signed in, and gives the pages the status.

use super::connection;
use super::state::{ChatState, ChatStatus};
use crate::browser::timer::Task;
use shared::Secret;
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct Props {
    /// The signed-in user's id, which is CometChat's uid.
    pub uid: AttrValue,
    /// The token that the login returned.
    pub token: Option<Secret>,
    /// `false` during a sign-out, which must not be mistaken for a lost connection.
    pub active: bool,
    /// Is called when the server's session may be over.
    pub check_session: Callback<()>,
    pub children: Html,
}

#[component]
pub fn ChatProvider(props: &Props) -> Html {
    let status = use_state_eq(|| ChatState::START.status);
    use_effect_with((props.uid.clone(), props.active), {
        let (token, check_session) = (props.token.clone(), props.check_session.clone());
        let status = status.setter();
        move |(uid, active)| {
            let task = active.then(|| {
                let show = move |new| status.set(new);
                Task::spawn(connection::run(uid.to_string(), token, show, move || check_session.emit(())))
            });
            move || drop(task)
        }
    });
    html! { <ContextProvider<ChatStatus> context={*status}>{ props.children.clone() }</ContextProvider<ChatStatus>> }
}

/// Returns whether chat works.
#[hook]
pub fn use_chat_status() -> ChatStatus {
    use_context().unwrap_or(ChatState::START.status)
}
