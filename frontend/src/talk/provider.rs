//! Feeds the state of the talk from CometChat, and does there what the person wants. Whatever fails stays
//! visible where it was wanted, and what was missed while there was no connection is fetched when there is
//! one again.

use super::tabs::Tabs;
use super::{Older, Talk, TalkEvent, unsent};
use crate::browser;
use crate::chat::messaging::{self, Live};
use crate::chat::{ChatStatus, use_chat_status};
use gloo_events::EventListener;
use gloo_timers::callback::Timeout;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

/// How long somebody is shown as typing who does not say that they stopped.
const TYPING_MS: u32 = 6_000;

#[derive(Clone, PartialEq)]
pub struct TalkContext {
    talk: UseReducerHandle<Talk>,
}

impl TalkContext {
    pub fn state(&self) -> &Talk {
        &self.talk
    }

    /// Fetches what is missing of this thread: its last page, or what was said since.
    pub fn open(&self, peer: &str) {
        if !self.talk.entries.contains_key(peer) {
            let (peer, talk) = (peer.to_owned(), self.talk.dispatcher());
            spawn_local(async move {
                match messaging::find(&peer).await {
                    Ok(Some(person)) => talk.dispatch(TalkEvent::People(vec![person])),
                    Ok(None) => talk.dispatch(TalkEvent::Nobody(peer)),
                    // Tried again with the next connection.
                    Err(_) => {}
                }
            });
        }
        let thread = self.talk.thread(peer);
        let whole_to = thread.and_then(|thread| thread.whole_to);
        if let Some(whole_to) = whole_to {
            self.newer(peer, whole_to);
        }
        if thread.is_none_or(|thread| matches!(thread.older, Older::Unknown | Older::Failed))
            || whole_to.is_none()
        {
            self.older(peer);
        }
    }

    fn newer(&self, peer: &str, after: u64) {
        let (peer, talk, losses) = (peer.to_owned(), self.talk.dispatcher(), self.talk.losses);
        spawn_local(async move {
            if let Ok(messages) = messaging::newer(&peer, after).await {
                talk.dispatch(TalkEvent::NewerCame { peer, after, losses, messages });
            }
        });
    }

    /// Fetches the page before the first message of this thread, unless there is none or it is on its way.
    pub fn older(&self, peer: &str) {
        let thread = self.talk.thread(peer);
        if thread.is_some_and(|thread| match thread.older {
            Older::Loading => true,
            Older::None => thread.whole_to.is_some(),
            _ => false,
        }) {
            return;
        }
        // Where it is not known how far it is whole, the last page of all.
        let before = thread.filter(|thread| thread.whole_to.is_some()).and_then(|thread| thread.oldest_id());
        let (peer, talk) = (peer.to_owned(), self.talk.dispatcher());
        talk.dispatch(TalkEvent::OlderAsked { peer: peer.clone() });
        spawn_local(async move {
            talk.dispatch(match messaging::older(&peer, before).await {
                Ok(messages) => {
                    TalkEvent::OlderCame { peer, is_last: messages.len() < messaging::PAGE, messages }
                }
                Err(_) => TalkEvent::OlderFailed { peer },
            });
        });
    }

    pub fn say(&self, peer: &str, text: &str) {
        let key = format!("{}-{}", browser::now_ms(), js_sys::Math::random());
        self.send(peer, &key, text);
    }

    /// Sends a message of this key, again where it failed before.
    pub fn send(&self, peer: &str, key: &str, text: &str) {
        let (peer, key, text) = (peer.to_owned(), key.to_owned(), text.to_owned());
        let talk = self.talk.dispatcher();
        // The cast is exact for any date.
        let at = (browser::now_ms() / 1_000.0) as i64;
        let again = self.talk.thread(&peer).is_some_and(|thread| thread.is_waiting(&key));
        let (whole_to, losses) =
            (self.talk.thread(&peer).and_then(|thread| thread.whole_to), self.talk.losses);
        talk.dispatch(TalkEvent::Sending { peer: peer.clone(), key: key.clone(), text: text.clone(), at });
        spawn_local(async move {
            if again {
                // It may have arrived although nobody said so.
                let missed = match whole_to {
                    Some(whole_to) => messaging::newer(&peer, whole_to).await,
                    None => messaging::older(&peer, None).await,
                };
                let Ok(messages) = missed else {
                    return talk.dispatch(TalkEvent::NotSent { peer, key });
                };
                let arrived = messages.iter().any(|message| message.key.as_ref() == Some(&key));
                let after = whole_to.unwrap_or(u64::MAX);
                talk.dispatch(TalkEvent::NewerCame { peer: peer.clone(), after, losses, messages });
                if arrived {
                    return;
                }
            }
            talk.dispatch(match messaging::send(&peer, &text, &key).await {
                Ok(message) => TalkEvent::Sent { peer, message },
                Err(_) => TalkEvent::NotSent { peer, key },
            });
        });
    }

    /// The person has the thread before their eyes.
    fn seen(&self, peer: &str, tabs: Option<&Tabs>) {
        let peer = peer.to_owned();
        let last = self.talk.entries.get(&peer).and_then(|entry| entry.last.as_ref());
        let to = last.map_or(0, |last| last.id);
        self.talk.dispatch(TalkEvent::Seen { peer: peer.clone(), to });
        if let Some(tabs) = tabs {
            tabs.tell(&peer, to);
        }
        spawn_local(async move {
            // Where it fails the message stays unread there, and is told again with the next list.
            let _ = messaging::mark_read(&peer).await;
        });
    }

    /// Looks for people; those who are found are listed from then on.
    pub async fn search(&self, query: &str) -> bool {
        match messaging::people(query).await {
            Ok(people) => {
                self.talk.dispatch(TalkEvent::People(people));
                true
            }
            Err(_) => false,
        }
    }

    /// Fetches who there is, and what was said with them last.
    pub fn list(&self) {
        let talk = self.talk.dispatcher();
        spawn_local(async move {
            let (conversations, people) =
                futures_util::future::join(messaging::conversations(), messaging::people("")).await;
            let both = conversations.is_ok() && people.is_ok();
            if let Ok(people) = people {
                talk.dispatch(TalkEvent::People(people));
            }
            if let Ok(conversations) = conversations {
                talk.dispatch(TalkEvent::Conversations(conversations));
            }
            talk.dispatch(if both { TalkEvent::Listed } else { TalkEvent::NotListed });
        });
    }
}

/// The talk of the page. Outside a `TalkProvider` there is none, which only a mistake can cause: then it
/// stays empty.
#[hook]
pub fn use_talk() -> TalkContext {
    let none = use_reducer(|| Talk::new(String::new()));
    use_context::<TalkContext>().unwrap_or(TalkContext { talk: none })
}

#[derive(PartialEq, Properties)]
pub struct Props {
    pub uid: AttrValue,
    /// The thread that is on the screen.
    pub open: Option<AttrValue>,
    pub children: Html,
}

#[component]
pub fn TalkProvider(props: &Props) -> Html {
    let talk = use_reducer(|| Talk::new(props.uid.to_string()));
    let context = TalkContext { talk: talk.clone() };
    let is_connected = use_chat_status() == ChatStatus::Connected;

    // What the tab kept over a reload is there again, and has failed.
    use_effect_with(props.uid.clone(), {
        let talk = talk.dispatcher();
        move |me| {
            for unsent::Kept { peer, key, text, at } in unsent::kept(me) {
                talk.dispatch(TalkEvent::Sending { peer: peer.clone(), key: key.clone(), text, at });
                talk.dispatch(TalkEvent::NotSent { peer, key });
            }
        }
    });
    use_effect_with(talk.clone(), |talk| unsent::keep(talk));

    // Each connection begins with what was missed.
    use_effect_with(is_connected, {
        let (context, me) = (context.clone(), props.uid.clone());
        move |is_connected| {
            if *is_connected {
                listen(&me, &context.talk);
                context.list();
            } else {
                context.talk.dispatch(TalkEvent::Lost);
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

    // Read is what is before somebody's eyes, in any of their tabs.
    let tabs = use_memo(props.uid.clone(), {
        let talk = talk.dispatcher();
        move |me| Tabs::join(me, move |peer, to| talk.dispatch(TalkEvent::Seen { peer, to }))
    });
    let is_visible = use_visibility();
    let unread =
        props.open.as_ref().and_then(|peer| talk.entries.get(peer.as_str())).map_or(0, |entry| entry.unread);
    use_effect_with((is_connected && is_visible, props.open.clone(), unread), {
        let context = context.clone();
        move |(is_seen, open, unread)| {
            if let Some(peer) = open.as_ref().filter(|_| *is_seen && *unread > 0) {
                context.seen(peer, tabs.as_ref().as_ref());
            }
        }
    });
    html! { <ContextProvider<TalkContext> {context}>{ props.children.clone() }</ContextProvider<TalkContext>> }
}

fn listen(me: &str, talk: &UseReducerHandle<Talk>) {
    let talk = talk.dispatcher();
    let ends = Rc::new(RefCell::new(BTreeMap::<String, Timeout>::new()));
    // It fails only without the SDK, and then there is no connection either.
    let _ = messaging::listen(me, move |live| {
        talk.dispatch(match live {
            Live::Message { message, other } => {
                if let Some(other) = other {
                    talk.dispatch(TalkEvent::Met(other));
                }
                TalkEvent::Received(message)
            }
            Live::Presence(person) => TalkEvent::Presence(person),
            Live::Receipt { from, id, read } => TalkEvent::Receipt { peer: from, id, read },
            Live::Typing { from, typing } => {
                let end = typing.then(|| {
                    let (talk, peer) = (talk.clone(), from.clone());
                    Timeout::new(TYPING_MS, move || {
                        talk.dispatch(TalkEvent::Typing { peer, typing: false });
                    })
                });
                match end {
                    Some(end) => drop(ends.borrow_mut().insert(from.clone(), end)),
                    None => drop(ends.borrow_mut().remove(&from)),
                }
                TalkEvent::Typing { peer: from, typing }
            }
        });
    });
}

/// Whether anybody can see the page.
#[hook]
fn use_visibility() -> bool {
    let visible = || browser::document().is_none_or(|document| !document.hidden());
    let state = use_state_eq(visible);
    use_effect_with((), {
        let state = state.setter();
        move |()| {
            let listener = browser::document().map(|document| {
                EventListener::new(&document, "visibilitychange", move |_| state.set(visible()))
            });
            move || drop(listener)
        }
    });
    *state
}
