//! What was said, the latest at the bottom. Older messages are fetched when somebody scrolls up, and the
//! place that they read stays where it is.

use crate::chat::{ChatStatus, use_chat_status};
use crate::talk::{Message, Older, Outgoing, use_talk};
use crate::words::{self, Piece};
use crate::{browser, clock};
use gloo_events::EventListener;
use shared::visible_text::isolated;
use std::rc::Rc;
use web_sys::HtmlElement;
use yew::prelude::*;

/// How near to an edge counts as there, in pixels.
const NEAR: i32 = 120;
/// Messages that are on the screen to begin with, and more of them each time that somebody scrolls up. A
/// long thread is in memory, and only as much of it in the page as was looked at.
const SHOWN: usize = 60;

#[derive(PartialEq, Properties)]
pub struct Props {
    pub peer: AttrValue,
    pub name: AttrValue,
}

#[derive(Clone, Copy, PartialEq, Default)]
struct Place {
    height: i32,
    first: Option<u64>,
    /// The end is in sight, and stays so.
    left_end: bool,
}

#[component]
pub fn Log(props: &Props) -> Html {
    let Props { peer, name } = props;
    let talk = use_talk();
    let status = use_chat_status();
    let log = use_node_ref();
    let shown = use_state_eq(|| SHOWN);
    let place = use_mut_ref(Place::default);
    let thread = talk.state().thread(peer).cloned().unwrap_or_default();
    let me = talk.state().me.clone();
    let hidden = thread.messages.len().saturating_sub(*shown);
    let messages: Vec<Rc<Message>> = thread.messages.iter().skip(hidden).cloned().collect();

    // After each change: at the end where the end was in sight, else where it was, seen from below.
    let first = messages.first().map(|message| message.id);
    let change = (first, messages.last().map(|message| message.id), thread.outgoing.clone());
    use_effect_with(change, {
        let (log, place) = (log.clone(), place.clone());
        move |(first, _, _)| {
            let Some(log) = log.cast::<HtmlElement>() else { return };
            let mut place = place.borrow_mut();
            let height = log.scroll_height();
            if !place.left_end {
                log.set_scroll_top(height);
            } else if *first != place.first {
                log.set_scroll_top(log.scroll_top() + height - place.height);
            }
            (place.height, place.first) = (height, *first);
        }
    });

    // A keyboard that comes up, or a turned screen, must not hide the end.
    use_effect_with((), {
        let (log, place) = (log.clone(), place.clone());
        move |()| {
            let listener = browser::window().map(|window| {
                EventListener::new(&window, "resize", move |_| {
                    if let Some(log) = log.cast::<HtmlElement>().filter(|_| !place.borrow().left_end) {
                        log.set_scroll_top(log.scroll_height());
                    }
                })
            });
            move || drop(listener)
        }
    });

    let more = {
        let (talk, peer, shown) = (talk.clone(), peer.clone(), shown.clone());
        move || {
            if hidden == 0 {
                talk.older(&peer);
            }
            shown.set(*shown + SHOWN);
        }
    };
    let onscroll = {
        let more = more.clone();
        let can_more = hidden > 0 || thread.older == Older::More;
        Callback::from(move |event: Event| {
            let Some(log) = event.target_dyn_into::<HtmlElement>() else { return };
            let below = log.scroll_height() - log.scroll_top() - log.client_height();
            place.borrow_mut().left_end = below > NEAR;
            place.borrow_mut().height = log.scroll_height();
            if log.scroll_top() < NEAR && can_more {
                more();
            }
        })
    };
    let again = {
        let (talk, peer) = (talk.clone(), peer.clone());
        Callback::from(move |outgoing: Outgoing| talk.send(&peer, &outgoing.key, &outgoing.text))
    };
    let top = match thread.older {
        Older::Loading | Older::Unknown if status == ChatStatus::Unavailable => {
            html! { <p class="top" role="status">{ "What was said before appears when chat is reachable again." }</p> }
        }
        Older::Loading | Older::Unknown => html! { <p class="top" role="status">{ "One moment…" }</p> },
        Older::Failed => html! {
            <p class="top">
                { "What was said before could not be fetched. " }
                <button type="button" class="link" onclick={move |_| more()}>{ "Try again" }</button>
            </p>
        },
        Older::None if messages.is_empty() && thread.outgoing.is_empty() => {
            html! { <p class="top" id="empty-thread">{ "Nothing was said yet. Say hello to " }<bdi>{ name }</bdi>{ "!" }</p> }
        }
        Older::More | Older::None => html! {},
    };
    html! {
        <div ref={log} id="log" class="log" role="log" aria-label={format!("Messages with {}", isolated(name))} tabindex="0" {onscroll}>
            { top }
            { for with_days(&messages, &me) }
            { for thread.outgoing.iter().map(|outgoing| html! {
                <Waiting key={outgoing.key.clone()} outgoing={outgoing.clone()} again={again.clone()} />
            }) }
        </div>
    }
}

/// The messages, with a line where a day begins, and a little room where the speaker changes.
fn with_days(messages: &[Rc<Message>], me: &str) -> Vec<Html> {
    let mut shown = Vec::with_capacity(messages.len() + 8);
    let (mut day, mut speaker) = (None, None);
    for message in messages {
        let number = clock::day_number(message.sent_at);
        if day.replace(number) != Some(number) {
            let name = clock::day(message.sent_at);
            shown.push(html! { <p key={format!("day-{number}")} class="day">{ name }</p> });
            speaker = None;
        }
        let is_first = speaker.replace(message.from.as_str()) != Some(message.from.as_str());
        let mine = message.from == me;
        shown.push(html! { <Bubble key={message.id} message={message.clone()} {mine} first={is_first} /> });
    }
    shown
}

#[derive(PartialEq, Properties)]
struct BubbleProps {
    message: Rc<Message>,
    mine: bool,
    first: bool,
}

/// A component of its own, so that a new message does not draw the old ones anew.
#[component]
fn Bubble(props: &BubbleProps) -> Html {
    let BubbleProps { message, mine, first } = props;
    let (mark, words) = match (mine, message.read, message.delivered) {
        (false, ..) => ("", ""),
        (true, true, _) => ("✓✓", "read"),
        (true, false, true) => ("✓✓", "delivered"),
        (true, false, false) => ("✓", "sent"),
    };
    let class = classes!("msg", mine.then_some("mine"), first.then_some("first"));
    html! {
        <div {class} dir="auto" data-id={message.id.to_string()} data-state={(!words.is_empty()).then_some(words)}>
            if *mine { <span class="unseen" dir="ltr">{ "You: " }</span> }
            {
                match &message.text {
                    Some(text) => rich(text),
                    None => html! { <em>{ "This message is no text, and cannot be shown here." }</em> },
                }
            }
            <time dir="ltr" datetime={clock::iso(message.sent_at)}>
                { clock::time(message.sent_at) }
                if *mine {
                    <span class="mark" aria-hidden="true">{ " " }{ mark }</span>
                    <span class="unseen">{ ", " }{ words }</span>
                }
            </time>
        </div>
    }
}

/// Always as text: nothing that somebody writes becomes markup.
fn rich(text: &str) -> Html {
    words::pieces(text)
        .into_iter()
        .map(|piece| match piece {
            Piece::Text(text) => html! { { text } },
            Piece::Link(typed) => match browser::link_target(typed) {
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
struct WaitingProps {
    outgoing: Outgoing,
    again: Callback<Outgoing>,
}

/// A message that is on its way, or was not sent.
#[component]
fn Waiting(props: &WaitingProps) -> Html {
    let WaitingProps { outgoing, again } = props;
    let onclick = {
        let outgoing = outgoing.clone();
        again.reform(move |_: MouseEvent| outgoing.clone())
    };
    let state = if outgoing.failed { "failed" } else { "sending" };
    html! {
        <>
            <div class={classes!("msg", "mine", "first", outgoing.failed.then_some("failed"))} dir="auto" data-state={state}>
                <span class="unseen" dir="ltr">{ "You: " }</span>
                { rich(&outgoing.text) }
                <time dir="ltr" datetime={clock::iso(outgoing.at)}>{ clock::time(outgoing.at) }</time>
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
