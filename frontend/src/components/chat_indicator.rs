//! Whether chat works, as a coloured dot and in words.

use crate::chat::ChatStatus;
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct Props {
    pub status: ChatStatus,
}

#[component]
pub fn ChatIndicator(props: &Props) -> Html {
    let (state, words) = match props.status {
        ChatStatus::Connecting => ("connecting", "Connecting to chat…"),
        ChatStatus::Connected => ("connected", "Chat is connected"),
        ChatStatus::Unavailable => ("unavailable", "Chat is not reachable. Trying again…"),
    };
    html! {
        <p id="chat-status" class="chat-status" role="status" data-state={state}>
            <span class="dot" aria-hidden="true"></span>
            <span>{ words }</span>
        </p>
    }
}
