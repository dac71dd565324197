//! The chat: people at the left, one conversation at the right; on a narrow screen one of the two.

mod composer;
mod log;
mod side;
mod thread;

use crate::chat::{ChatStatus, use_chat_status};
use crate::session::SignOut;
use crate::talk::TalkProvider;
use shared::SessionResponse;
use side::Side;
use thread::Thread;
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct Props {
    pub user: SessionResponse,
    pub sign_out: SignOut,
    /// Whom the person talks to.
    #[prop_or_default]
    pub peer: Option<AttrValue>,
}

#[component]
pub fn Chat(props: &Props) -> Html {
    let Props { user, sign_out, peer } = props;
    let status = use_chat_status();
    let pane = if peer.is_some() { "thread" } else { "list" };
    html! {
        <TalkProvider key={user.id.clone()} uid={user.id.clone()} open={peer.clone()}>
            <div class="chat" data-page="chat" data-pane={pane}>
                <Side user={user.clone()} sign_out={sign_out.clone()} open={peer.clone()} />
                if let Some(peer) = peer {
                    <Thread key={peer.to_string()} peer={peer.clone()} />
                } else {
                    <section class="thread nobody" aria-label="Conversation">
                        // While chat is away there is nobody to choose; the list says why.
                        if status != ChatStatus::Unavailable {
                            <p>{ "Choose somebody to talk to." }</p>
                        }
                    </section>
                }
            </div>
        </TalkProvider>
    }
}
