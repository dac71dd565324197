//! One conversation: who it is with, what was said, and where to answer.

use super::composer::Composer;
use super::log::Log;
use crate::app::Route;
use crate::browser;
use crate::chat::{ChatStatus, use_chat_status};
use crate::components::{Avatar, Glyph, icon};
use crate::talk::use_talk;
use web_sys::HtmlElement;
use yew::prelude::*;
use yew_router::prelude::*;

#[derive(PartialEq, Properties)]
pub struct Props {
    pub peer: AttrValue,
}

#[component]
pub fn Thread(props: &Props) -> Html {
    let peer = &props.peer;
    let talk = use_talk();
    let status = use_chat_status();
    let heading = use_node_ref();
    // Somebody has chosen this conversation: with a keyboard at hand they want to write.
    use_effect_with((), {
        let heading = heading.clone();
        move |()| {
            if !browser::has_fine_pointer()
                && let Some(heading) = heading.cast::<HtmlElement>()
            {
                let _ = heading.focus();
            }
        }
    });
    let person = talk.state().entries.get(peer.as_str()).map(|entry| (entry.person.clone(), entry.typing));
    if talk.state().nobody.iter().any(|uid| **uid == **peer) {
        return html! {
            <main class="thread nobody">
                <p id="nobody">{ "There is nobody here of this name." }</p>
                <p><Link<Route> to={Route::Chat}>{ "Back to your conversations" }</Link<Route>></p>
            </main>
        };
    }
    // Who it is may be unknown for as long as chat cannot be asked.
    let (name, online, typing) = match &person {
        Some((person, typing)) => (person.name.clone(), person.online, *typing),
        None => (String::from("Conversation"), false, false),
    };
    let called = if person.is_some() { name.clone() } else { String::from("them") };
    let presence = match (&person, typing, online) {
        (None, ..) => "",
        (_, true, _) => "typing…",
        (_, false, true) => "online",
        (_, false, false) => "offline",
    };
    html! {
        <main class="thread" data-peer={peer.clone()}>
            <header>
                <Link<Route> to={Route::Chat} classes="round back">
                    { icon(Glyph::Back) }
                    <span class="unseen">{ "Back to your conversations" }</span>
                </Link<Route>>
                <Avatar name={name.clone()} uid={peer.clone()} {online} small=true />
                <div class="words">
                    <h1 ref={heading} tabindex="-1"><bdi>{ &name }</bdi></h1>
                    <p id="presence" class={classes!("presence", typing.then_some("typing"))} aria-live="polite">
                        { presence }
                    </p>
                </div>
            </header>
            if status == ChatStatus::Unavailable {
                <p class="strip">{ "Chat is not reachable right now. What you write is kept here." }</p>
            }
            <Log peer={peer.clone()} name={called.clone()} />
            <Composer peer={peer.clone()} name={called} />
        </main>
    }
}
