//! The chat: the sidebar and one conversation, or one of the two on a narrow screen.

mod composer;
mod conversation_view;
mod message_list;
mod sidebar;

use crate::cometchat::{ChatStatus, use_chat_status};
use crate::conversations::ConversationProvider;
use crate::session::SignOut;
use conversation_view::ConversationView;
use shared::UserResponse;
use sidebar::Sidebar;
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct Props {
    pub user: UserResponse,
    pub sign_out: SignOut,
    /// The other user of the open conversation.
    #[prop_or_default]
    pub peer: Option<AttrValue>,
}

#[component]
pub fn Chat(props: &Props) -> Html {
    let Props { user, sign_out, peer } = props;
    let status = use_chat_status();
    let pane = if peer.is_some() { "conversation" } else { "list" };
    html! {
        <ConversationProvider key={user.id.clone()} uid={user.id.clone()} open={peer.clone()}>
            <div class="chat" data-page="chat" data-pane={pane}>
                <Sidebar user={user.clone()} sign_out={sign_out.clone()} open={peer.clone()} />
                if let Some(peer) = peer {
                    <ConversationView key={peer.to_string()} peer={peer.clone()} />
                } else {
                    <section class="conversation empty-state" aria-label="Conversation">
                        // Without chat the list is empty, and says so.
                        if matches!(status, ChatStatus::Connecting | ChatStatus::Connected) {
                            <p>{ "Select a conversation to start chatting." }</p>
                        }
                    </section>
                }
            </div>
        </ConversationProvider>
    }
}
