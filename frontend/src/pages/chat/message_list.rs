//! The messages of a conversation, the latest at the bottom. Scrolling up fetches older ones and keeps the
//! place.

use crate::browser::{dom, navigation};
use crate::cometchat::{ChatStatus, use_chat_status};
use crate::components::live_text;
use crate::conversations::{Older, Outgoing, use_conversations};
use crate::datetime;
use crate::model::Message;
use crate::text::{self, Segment};
use gloo_events::EventListener;
use shared::visible_text::isolated;
use std::rc::Rc;
use web_sys::HtmlElement;
use yew::prelude::*;

/// The distance from an edge, in pixels, that counts as being there.
const EDGE_DISTANCE: i32 = 120;
/// Messages in the page at first, and added each time the user scrolls up: the DOM has only the part of a
/// long conversation that was looked at.
const RENDERED_PAGE_SIZE: usize = 60;

#[derive(PartialEq, Properties)]
pub struct Props {
    pub peer: AttrValue,
    pub name: AttrValue,
}

#[derive(Clone, Copy, PartialEq, Default)]
struct ScrollPosition {
    height: i32,
    first: Option<u64>,
    /// The user has scrolled up; otherwise the list follows new messages.
    is_away_from_end: bool,
}

#[component]
pub fn MessageList(props: &Props) -> Html {
    let Props { peer, name } = props;
    let conversations = use_conversations();
    let status = use_chat_status();
    let list = use_node_ref();
    let rendered = use_state_eq(|| RENDERED_PAGE_SIZE);
    let position = use_mut_ref(ScrollPosition::default);
    let thread = conversations.state().thread(peer).cloned().unwrap_or_default();
    let me = conversations.state().me.clone();
    let hidden = thread.messages.len().saturating_sub(*rendered);
    let messages: Vec<Rc<Message>> = thread.messages.iter().skip(hidden).cloned().collect();

    // After each change, stay at the end, or at the same distance from it.
    let first = messages.first().map(|message| message.id);
    let change = (first, messages.last().map(|message| message.id), thread.outgoing.clone());
    use_effect_with(change, {
        let (list, position) = (list.clone(), position.clone());
        move |(first, _, _)| {
            let Some(list) = list.cast::<HtmlElement>() else { return };
            let mut position = position.borrow_mut();
            let height = list.scroll_height();
            if !position.is_away_from_end {
                list.set_scroll_top(height);
            } else if *first != position.first {
                list.set_scroll_top(list.scroll_top() + height - position.height);
            }
            (position.height, position.first) = (height, *first);
        }
    });

    // A screen keyboard or a turned screen must not cover the end.
    use_effect_with((), {
        let (list, position) = (list.clone(), position.clone());
        move |()| {
            let listener = dom::window().map(|window| {
                EventListener::new(&window, "resize", move |_| {
                    let list = list.cast::<HtmlElement>();
                    if let Some(list) = list.filter(|_| !position.borrow().is_away_from_end) {
                        list.set_scroll_top(list.scroll_height());
                    }
                })
            });
            move || drop(listener)
        }
    });

    let show_more = {
        let (conversations, peer, rendered) = (conversations.clone(), peer.clone(), rendered.clone());
        move || {
            if hidden == 0 {
                conversations.fetch_older(&peer);
            }
            rendered.set(*rendered + RENDERED_PAGE_SIZE);
        }
    };
    let has_more = hidden > 0 || thread.older == Older::More;
    // A list that does not fill its place cannot be scrolled.
    use_effect({
        let (list, show_more) = (list.clone(), show_more.clone());
        move || {
            let list = list.cast::<HtmlElement>();
            // A hidden list has no height.
            if has_more
                && list.is_some_and(|list| {
                    list.client_height() > 0 && list.scroll_height() <= list.client_height()
                })
            {
                show_more();
            }
        }
    });
    let onscroll = {
        let show_more = show_more.clone();
        Callback::from(move |event: Event| {
            let Some(list) = event.target_dyn_into::<HtmlElement>() else { return };
            let below = list.scroll_height() - list.scroll_top() - list.client_height();
            position.borrow_mut().is_away_from_end = below > EDGE_DISTANCE;
            position.borrow_mut().height = list.scroll_height();
            if list.scroll_top() < EDGE_DISTANCE && has_more {
                show_more();
            }
        })
    };
    let on_retry = {
        let peer = peer.clone();
        Callback::from(move |outgoing: Outgoing| conversations.send(&peer, &outgoing.key, &outgoing.text))
    };
    let waiting = |text: &'static str| {
        html! { <p key="waiting" class="history-status" role="status">{ live_text(text) }</p> }
    };
    let history_status = match thread.older {
        // The banner says why there are no messages.
        _ if status.is_off() => None,
        Older::Loading | Older::Unknown if status == ChatStatus::Unavailable => {
            Some(waiting("Earlier messages appear when chat is back."))
        }
        Older::Loading | Older::Unknown => Some(waiting("Loading…")),
        Older::Failed => Some(html! {
            <p key="failed" class="history-status">
                { "Couldn’t load earlier messages. " }
                <button type="button" class="link" onclick={move |_| show_more()}>{ "Try again" }</button>
            </p>
        }),
        Older::None if messages.is_empty() && thread.outgoing.is_empty() => Some(html! {
            <p key="empty" class="history-status" id="empty-conversation">
                { "No messages yet. Say hello to " }
                <bdi translate="no">{ live_text(name.clone()) }</bdi>
                { "!" }
            </p>
        }),
        Older::More | Older::None => None,
    };
    let pending = thread.outgoing.iter().map(|outgoing| html! {
        <PendingMessage key={outgoing.key.clone()} outgoing={outgoing.clone()} on_retry={on_retry.clone()} />
    });
    // Each has a key: otherwise Yew would make all elements again for a new message.
    let rows = history_status.into_iter().chain(with_days(&messages, &me)).chain(pending);
    html! {
        <div
            ref={list}
            id="messages"
            class="messages"
            role="log"
            aria-label={format!("Messages with {}", isolated(name))}
            tabindex="0"
            {onscroll}
        >
            { for rows }
        </div>
    }
}

/// Renders the messages with a line where a day begins, and space where the sender changes.
fn with_days(messages: &[Rc<Message>], me: &str) -> Vec<Html> {
    let mut rendered = Vec::with_capacity(messages.len() + 8);
    let (mut day, mut sender) = (None, None);
    for message in messages {
        let number = datetime::day_number(message.sent_at);
        if day.replace(number) != Some(number) {
            let name = datetime::day(message.sent_at);
            rendered
                .push(html! { <p key={format!("day-{}", message.id)} class="day">{ live_text(name) }</p> });
            sender = None;
        }
        let is_first = sender.replace(message.from.as_str()) != Some(message.from.as_str());
        let mine = message.from == me;
        rendered
            .push(html! { <Bubble key={message.id} message={message.clone()} {mine} first={is_first} /> });
    }
    rendered
}

#[derive(PartialEq, Properties)]
struct BubbleProps {
    message: Rc<Message>,
    mine: bool,
    first: bool,
}

/// A component, so that a new message does not render the others again.
#[component]
fn Bubble(props: &BubbleProps) -> Html {
    let BubbleProps { message, mine, first } = props;
    let (receipt, state) = match (mine, message.read, message.delivered) {
        (false, ..) => ("", ""),
        (true, true, _) => ("✓✓", "read"),
        (true, false, true) => ("✓✓", "delivered"),
        (true, false, false) => ("✓", "sent"),
    };
    let class = classes!("message", mine.then_some("mine"), first.then_some("first"));
    html! {
        <div {class} dir="auto" data-id={message.id.to_string()} data-state={(!state.is_empty()).then_some(state)}>
            if *mine { <span class="visually-hidden" dir="ltr">{ "You: " }</span> }
            {
                match &message.text {
                    Some(text) => rich_text(text),
                    None => html! { <em>{ "This type of message isn’t supported." }</em> },
                }
            }
            <time dir="ltr" datetime={datetime::iso(message.sent_at)}>
                { datetime::time(message.sent_at) }
                if *mine {
                    <span class="receipt" aria-hidden="true">{ live_text(format!(" {receipt}")) }</span>
                    <span class="visually-hidden">{ live_text(format!(", {state}")) }</span>
                }
            </time>
        </div>
    }
}

/// Renders a text with its links, and never as markup.
fn rich_text(text: &str) -> Html {
    text::linkify(text)
        .into_iter()
        .map(|segment| match segment {
            Segment::Text(text) => html! { { text } },
            Segment::Link(typed) => match navigation::link_target(typed) {
                // `dir` also isolates the address from overrides in the text before it.
                Some((href, text)) => html! {
                    <a {href} dir="ltr" target="_blank" rel="noopener noreferrer nofollow">{ text }</a>
                },
                None => html! { { typed } },
            },
        })
        .collect()
}

#[derive(PartialEq, Properties)]
struct PendingMessageProps {
    outgoing: Outgoing,
    on_retry: Callback<Outgoing>,
}

/// A message that is being sent, or could not be sent.
#[component]
fn PendingMessage(props: &PendingMessageProps) -> Html {
    let PendingMessageProps { outgoing, on_retry } = props;
    let onclick = {
        let outgoing = outgoing.clone();
        on_retry.reform(move |_: MouseEvent| outgoing.clone())
    };
    let state = if outgoing.failed { "failed" } else { "sending" };
    let class = classes!("message", "mine", "first", outgoing.failed.then_some("failed"));
    html! {
        <>
            <div {class} dir="auto" data-state={state}>
                <span class="visually-hidden" dir="ltr">{ "You: " }</span>
                { rich_text(&outgoing.text) }
                <time dir="ltr" datetime={datetime::iso(outgoing.at)}>{ datetime::time(outgoing.at) }</time>
            </div>
            if outgoing.failed {
                <p class="retry" role="alert">
                    { "Not sent. " }
                    <button type="button" class="link" {onclick}>{ "Try again" }</button>
                </p>
            }
        </>
    }
}
