//! Feeds the conversations from CometChat and carries out the user's actions. A failure stays visible at its
//! place, and messages missed without a connection are fetched with the next one.

use super::drafts::{self, UnsentMessage};
use super::people::NextPage;
use super::state::{ConversationEvent, ConversationStore};
use super::tab_sync::TabSync;
use super::thread::Older;
use crate::browser::dom;
use crate::browser::timer::now_ms;
use crate::cometchat::client;
use crate::cometchat::listeners::{self, ChatUpdate};
use crate::cometchat::{ChatStatus, use_chat_status};
use crate::model::Page;
use gloo_events::EventListener;
use gloo_timers::callback::Timeout;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

/// How long a user is shown as typing without another indicator.
const TYPING_TIMEOUT_MS: u32 = 6_000;

#[derive(Clone, PartialEq)]
pub struct ConversationContext {
    store: UseReducerHandle<ConversationStore>,
}

impl ConversationContext {
    pub fn state(&self) -> &ConversationStore {
        &self.store
    }

    /// Fetches what is missing of a conversation: its peer, its last page, or the messages since.
    fn open(&self, peer: &str) {
        if !self.store.contacts.contains_key(peer) {
            let (peer, store) = (peer.to_owned(), self.store.dispatcher());
            spawn_local(async move {
                match client::find(&peer).await {
                    Ok(Some(person)) => store.dispatch(ConversationEvent::PersonFound(person)),
                    Ok(None) => store.dispatch(ConversationEvent::UserNotFound(peer)),
                    // The next connection tries again.
                    Err(_) => {}
                }
            });
        }
        let thread = self.store.thread(peer);
        let complete_up_to = thread.and_then(|thread| thread.complete_up_to);
        if let Some(complete_up_to) = complete_up_to {
            self.fetch_newer(peer, complete_up_to);
        }
        if thread.is_none_or(|thread| matches!(thread.older, Older::Unknown | Older::Failed))
            || complete_up_to.is_none()
        {
            self.fetch_older(peer);
        }
    }

    fn fetch_newer(&self, peer: &str, after: u64) {
        let (peer, store, disconnects) = (peer.to_owned(), self.store.dispatcher(), self.store.disconnects);
        spawn_local(async move {
            if let Ok(messages) = client::newer(&peer, after).await {
                store.dispatch(ConversationEvent::NewerLoaded {
                    peer,
                    after: Some(after),
                    disconnects,
                    messages,
                });
            }
        });
    }

    /// Fetches the page before the first message, unless there is none or it is being fetched.
    pub fn fetch_older(&self, peer: &str) {
        let thread = self.store.thread(peer);
        if thread.is_some_and(|thread| match thread.older {
            Older::Loading => true,
            Older::None => thread.complete_up_to.is_some(),
            _ => false,
        }) {
            return;
        }
        // Without a complete part, the last page.
        let before =
            thread.filter(|thread| thread.complete_up_to.is_some()).and_then(|thread| thread.oldest_id());
        let (peer, store) = (peer.to_owned(), self.store.dispatcher());
        store.dispatch(ConversationEvent::OlderRequested { peer: peer.clone() });
        spawn_local(async move {
            store.dispatch(match client::older(&peer, before).await {
                Ok(Page { items: messages, is_last }) => {
                    ConversationEvent::OlderLoaded { peer, is_last, messages }
                }
                Err(_) => ConversationEvent::OlderFailed { peer },
            });
        });
    }

    pub fn send_new(&self, peer: &str, text: &str) {
        let key = format!("{}-{}", now_ms(), js_sys::Math::random());
        self.send(peer, &key, text);
    }

    /// Sends the message with this key, possibly once more after a failure.
    pub fn send(&self, peer: &str, key: &str, text: &str) {
        let (peer, key, text) = (peer.to_owned(), key.to_owned(), text.to_owned());
        let (store, disconnects) = (self.store.dispatcher(), self.store.disconnects);
        // The cast is exact for any date.
        let at = (now_ms() / 1_000.0) as i64;
        let thread = self.store.thread(&peer);
        let is_retry = thread.is_some_and(|thread| thread.is_outgoing(&key));
        let after = thread.and_then(|thread| thread.complete_up_to);
        let (event_peer, event_key) = (peer.clone(), key.clone());
        store.dispatch(ConversationEvent::Sending {
            peer: event_peer,
            key: event_key,
            text: text.clone(),
            at,
        });
        spawn_local(async move {
            if is_retry {
                // The first attempt may have arrived without a response.
                let missed = match after {
                    Some(after) => client::newer(&peer, after).await,
                    None => client::older(&peer, None).await.map(|page| page.items),
                };
                let Ok(messages) = missed else {
                    return store.dispatch(ConversationEvent::SendFailed { peer, key });
                };
                let has_arrived = messages.iter().any(|message| message.key.as_ref() == Some(&key));
                store.dispatch(ConversationEvent::NewerLoaded {
                    peer: peer.clone(),
                    after,
                    disconnects,
                    messages,
                });
                if has_arrived {
                    return;
                }
            }
            store.dispatch(match client::send(&peer, &text, &key).await {
                Ok(message) => ConversationEvent::Sent { peer, message },
                Err(_) => ConversationEvent::SendFailed { peer, key },
            });
        });
    }

    /// Marks the conversation as read, here, in the other tabs and at CometChat.
    fn mark_read(&self, peer: &str, tabs: Option<&TabSync>) {
        let peer = peer.to_owned();
        let last = self.store.contacts.get(&peer).and_then(|contact| contact.last.as_ref());
        let Some(to) = last.map(|last| last.id) else { return };
        self.store.dispatch(ConversationEvent::MarkedRead { peer: peer.clone(), to });
        if let Some(tabs) = tabs {
            tabs.post_read(&peer, to);
        }
        spawn_local(async move {
            // After a failure the next list from CometChat shows the messages as unread.
            let _ = client::mark_read(&peer).await;
        });
    }

    /// Fetches the next page of the people that the query finds, unless it is being fetched or there is none. They stay
    /// in the list.
    pub fn fetch_people(&self, query: &str) {
        let pages = self.store.people.get(query);
        if pages.is_some_and(|pages| matches!(pages.next, NextPage::Loading | NextPage::None)) {
            return;
        }
        self.fetch_people_page(query, pages.map_or(0, |pages| pages.count));
    }

    /// Searches people.
    pub fn search(&self, query: &str) {
        self.fetch_people_page(query, 0);
    }

    fn fetch_people_page(&self, query: &str, page: u32) {
        let (query, store) = (query.to_owned(), self.store.dispatcher());
        store.dispatch(ConversationEvent::PeopleRequested { query: query.clone(), page });
        spawn_local(async move {
            store.dispatch(match client::people(&query, page).await {
                Ok(Page { items: people, is_last }) => {
                    ConversationEvent::PeopleFound { query, page, people, is_last }
                }
                Err(_) => ConversationEvent::PeopleFailed { query },
            });
        });
    }

    /// Fetches the conversations and the first page of all people.
    fn fetch_list(&self) {
        let store = self.store.dispatcher();
        spawn_local(async move {
            let (conversations, people) =
                futures_util::future::join(client::conversations(), client::people("", 0)).await;
            let is_complete = conversations.is_ok() && people.is_ok();
            let query = String::new();
            store.dispatch(match people {
                Ok(Page { items: people, is_last }) => {
                    ConversationEvent::PeopleFound { query, page: 0, people, is_last }
                }
                Err(_) => ConversationEvent::PeopleFailed { query },
            });
            if let Ok(Page { items: conversations, is_last }) = conversations {
                store.dispatch(ConversationEvent::Conversations { conversations, has_more: !is_last });
            }
            store.dispatch(if is_complete {
                ConversationEvent::ListLoaded
            } else {
                ConversationEvent::ListFailed
            });
        });
    }
}

/// Returns the page's conversations. Outside of a `ConversationProvider`, which would be a bug, there are
/// none.
#[hook]
pub fn use_conversations() -> ConversationContext {
    let none = use_reducer(|| ConversationStore::new(String::new()));
    use_context::<ConversationContext>().unwrap_or(ConversationContext { store: none })
}

#[derive(PartialEq, Properties)]
pub struct Props {
    pub uid: AttrValue,
    /// The peer of the conversation on the screen.
    pub open: Option<AttrValue>,
    pub children: Html,
}

#[component]
pub fn ConversationProvider(props: &Props) -> Html {
    let store = use_reducer(|| ConversationStore::new(props.uid.to_string()));
    let context = ConversationContext { store: store.clone() };
    let is_connected = use_chat_status() == ChatStatus::Connected;

    // Unsent messages of before a reload appear as failed.
    use_effect_with(props.uid.clone(), {
        let store = store.dispatcher();
        move |me| {
            for UnsentMessage { peer, key, text, at } in drafts::load_unsent(me) {
                store.dispatch(ConversationEvent::Sending { peer: peer.clone(), key: key.clone(), text, at });
                store.dispatch(ConversationEvent::SendFailed { peer, key });
            }
        }
    });
    use_effect_with(store.clone(), |store| drafts::save_unsent(store));

    // Each new connection fetches what was missed.
    use_effect_with(is_connected, {
        let (context, me) = (context.clone(), props.uid.clone());
        move |is_connected| {
            if *is_connected {
                listen(&me, &context.store);
                context.fetch_list();
            } else {
                context.store.dispatch(ConversationEvent::Disconnected);
            }
        }
    });
    use_effect_with((is_connected, props.open.clone()), {
        let context = context.clone();
        move |(is_connected, open)| {
            if let Some(peer) = open.as_ref().filter(|_| *is_connected) {
                context.open(peer);
            }
        }
    });

    let tabs = use_memo(props.uid.clone(), {
        let store = store.dispatcher();
        move |me| {
            TabSync::join(me, move |peer, to| store.dispatch(ConversationEvent::MarkedRead { peer, to }))
        }
    });
    let is_visible = use_visibility();
    let unread = props
        .open
        .as_ref()
        .and_then(|peer| store.contacts.get(peer.as_str()))
        .map_or(0, |contact| contact.unread);
    use_effect_with((is_connected && is_visible, props.open.clone(), unread), {
        let context = context.clone();
        move |(is_seen, open, unread)| {
            if let Some(peer) = open.as_ref().filter(|_| *is_seen && *unread > 0) {
                context.mark_read(peer, tabs.as_ref().as_ref());
            }
        }
    });
    html! { <ContextProvider<ConversationContext> {context}>{ props.children.clone() }</ContextProvider<ConversationContext>> }
}

fn listen(me: &str, store: &UseReducerHandle<ConversationStore>) {
    let store = store.dispatcher();
    let typing_timeouts = Rc::new(RefCell::new(BTreeMap::<String, Timeout>::new()));
    // It fails only without the SDK, and then there is no connection either.
    let _ = listeners::listen(me, move |update| {
        store.dispatch(match update {
            ChatUpdate::Message { message, other } => {
                if let Some(other) = other {
                    store.dispatch(ConversationEvent::ContactSeen(other));
                }
                ConversationEvent::Received(message)
            }
            ChatUpdate::Presence(person) => ConversationEvent::Presence(person),
            ChatUpdate::Receipt { from, id, read } => ConversationEvent::Receipt { peer: from, id, read },
            ChatUpdate::Typing { from, typing } => {
                let timeout = typing.then(|| {
                    let (store, peer) = (store.clone(), from.clone());
                    Timeout::new(TYPING_TIMEOUT_MS, move || {
                        store.dispatch(ConversationEvent::Typing { peer, typing: false });
                    })
                });
                match timeout {
                    Some(timeout) => drop(typing_timeouts.borrow_mut().insert(from.clone(), timeout)),
                    None => drop(typing_timeouts.borrow_mut().remove(&from)),
                }
                ConversationEvent::Typing { peer: from, typing }
            }
        });
    });
}

/// Returns whether the tab is visible.
#[hook]
fn use_visibility() -> bool {
    let is_visible = || dom::document().is_none_or(|document| !document.hidden());
    let state = use_state_eq(is_visible);
    use_effect_with((), {
        let state = state.setter();
        move |()| {
            let listener = dom::document().map(|document| {
                EventListener::new(&document, "visibilitychange", move |_| state.set(is_visible()))
            });
            move || drop(listener)
        }
    });
    *state
}
