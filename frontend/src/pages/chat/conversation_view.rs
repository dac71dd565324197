//! One conversation: its header, its messages and the composer.

use super::composer::Composer;
use super::message_list::MessageList;
use crate::browser::dom;
use crate::cometchat::{ChatStatus, use_chat_status};
use crate::components::{Avatar, Glyph, icon, live_text};
use crate::conversations::use_conversations;
use crate::route::Route;
use web_sys::HtmlElement;
use yew::prelude::*;
use yew_router::prelude::*;

#[derive(PartialEq, Properties)]
pub struct Props {
    pub peer: AttrValue,
}

#[component]
pub fn ConversationView(props: &Props) -> Html {
    let peer = &props.peer;
    let conversations = use_conversations();
    let status = use_chat_status();
    let heading = use_node_ref();
    // With a keyboard at hand the composer takes the focus instead.
    use_effect_with((), {
        let heading = heading.clone();
        move |()| {
            if !dom::has_fine_pointer()
                && let Some(heading) = heading.cast::<HtmlElement>()
            {
                let _ = heading.focus();
            }
        }
    });
    if conversations.state().not_found.iter().any(|uid| **uid == **peer) {
        return html! {
            <main class="conversation empty-state">
                <p id="user-not-found">{ "User not found." }</p>
                <p><Link<Route> to={Route::Chat}>{ "Back to conversations" }</Link<Route>></p>
            </main>
        };
    }
    let contact = conversations.state().contacts.get(peer.as_str());
    // The peer is unknown until CometChat responds.
    let (name, name_in_sentence) = match contact {
        Some(contact) => (contact.person.name.clone(), contact.person.name.clone()),
        None => (String::from("Conversation"), String::from("them")),
    };
    let online = contact.is_some_and(|contact| contact.person.online);
    let typing = contact.is_some_and(|contact| contact.typing);
    let presence = match (contact, typing, online) {
        (None, ..) => "",
        (_, true, _) => "typing…",
        (_, false, true) => "online",
        (_, false, false) => "offline",
    };
    let banner = match status {
        ChatStatus::Connecting | ChatStatus::Connected => None,
        ChatStatus::Unavailable => Some("Chat is unavailable. Your messages are kept here until it’s back."),
        ChatStatus::Disabled => Some(
            "Chat is switched off for your account. Ask your administrator to switch it on, then reload this page.",
        ),
        ChatStatus::StorageBlocked => Some(
            "Chat can’t store data in this browser. Allow this site to store data in the browser’s settings, or clear its data there, then reload this page.",
        ),
    };
    html! {
        <main class="conversation" data-peer={peer.clone()}>
            <header>
                <Link<Route> to={Route::Chat} classes="icon-button back">
                    { icon(Glyph::Back) }
                    <span class="visually-hidden">{ "Back to conversations" }</span>
                </Link<Route>>
                <Avatar name={name.clone()} uid={peer.clone()} {online} small=true />
                <div class="text">
                    <h1 ref={heading} tabindex="-1"><bdi translate="no">{ live_text(name) }</bdi></h1>
                    <p id="presence" class={classes!("presence", typing.then_some("typing"))} aria-live="polite">
                        { live_text(presence) }
                    </p>
                </div>
            </header>
            if let Some(text) = banner {
                <p class="banner">{ live_text(text) }</p>
            }
            <MessageList peer={peer.clone()} name={name_in_sentence.clone()} />
            if !status.is_off() {
                <Composer peer={peer.clone()} name={name_in_sentence} />
            }
        </main>
    }
}
