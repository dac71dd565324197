//! Shows whether chat works, as a coloured dot with text.

use super::live_text::live_text;
use crate::cometchat::ChatStatus;
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct Props {
    pub status: ChatStatus,
}

#[component]
pub fn ChatIndicator(props: &Props) -> Html {
    let (state, text) = match props.status {
        ChatStatus::Connecting => ("connecting", "Connecting…"),
        ChatStatus::Connected => ("connected", "Connected"),
        ChatStatus::Unavailable => ("unavailable", "Chat is unavailable. Reconnecting…"),
        ChatStatus::Disabled => ("disabled", "Chat is switched off for your account."),
        ChatStatus::StorageBlocked => ("storage_blocked", "Chat can’t store data in this browser."),
    };
    html! {
        <p id="chat-status" class="chat-status" role="status" data-state={state}>
            <span class="dot" aria-hidden="true"></span>
            { live_text(text) }
        </p>
    }
}
