//! The message input. Enter sends, Shift+Enter breaks the line, and the draft survives a reload.

use crate::browser::dom;
use crate::browser::timer::now_ms;
use crate::cometchat::client;
use crate::components::{Glyph, icon};
use crate::conversations::drafts::{load_draft, save_draft};
use crate::conversations::use_conversations;
use gloo_timers::callback::Timeout;
use shared::visible_text::isolated;
use web_sys::HtmlTextAreaElement;
use yew::prelude::*;

/// The minimum time between two typing indicators, and the pause after which typing has ended.
const TYPING_INTERVAL_MS: f64 = 2_500.0;
const TYPING_TIMEOUT_MS: u32 = 4_000;
/// CometChat's limit for one message.
const MAX_CHARS: &str = "4000";

#[derive(PartialEq, Properties)]
pub struct Props {
    pub peer: AttrValue,
    pub name: AttrValue,
}

#[component]
pub fn Composer(props: &Props) -> Html {
    let Props { peer, name } = props;
    let conversations = use_conversations();
    let field = use_node_ref();
    // When the last typing indicator was sent, if the peer still sees it.
    let typing_since = use_mut_ref(|| None::<f64>);
    let typing_timeout = use_mut_ref(|| None::<Timeout>);
    let me = conversations.state().me.clone();

    use_effect_with(peer.clone(), {
        let (field, me) = (field.clone(), me.clone());
        move |peer| {
            if let Some(field) = field.cast::<HtmlTextAreaElement>() {
                field.set_value(&load_draft(&me, peer));
                if dom::has_fine_pointer() {
                    let _ = field.focus();
                }
            }
        }
    });

    let end_typing = {
        let (typing_since, typing_timeout, peer) =
            (typing_since.clone(), typing_timeout.clone(), peer.clone());
        move || {
            typing_timeout.replace(None);
            if typing_since.take().is_some() {
                client::set_typing(&peer, false);
            }
        }
    };
    let oninput = {
        let (peer, me, end_typing) = (peer.clone(), me.clone(), end_typing.clone());
        Callback::from(move |event: InputEvent| {
            let Some(field) = event.target_dyn_into::<HtmlTextAreaElement>() else { return };
            save_draft(&me, &peer, &field.value());
            let now = now_ms();
            if typing_since.borrow().is_none_or(|since| now - since > TYPING_INTERVAL_MS) {
                typing_since.replace(Some(now));
                client::set_typing(&peer, true);
            }
            typing_timeout.replace(Some(Timeout::new(TYPING_TIMEOUT_MS, end_typing.clone())));
        })
    };
    let send = {
        let (field, peer, me) = (field.clone(), peer.clone(), me);
        Callback::from(move |()| {
            let Some(field) = field.cast::<HtmlTextAreaElement>() else { return };
            let text = field.value();
            if text.trim().is_empty() {
                return;
            }
            end_typing();
            conversations.send_new(&peer, text.trim());
            field.set_value("");
            save_draft(&me, &peer, "");
            let _ = field.focus();
        })
    };
    let onkeydown = {
        let send = send.clone();
        Callback::from(move |event: KeyboardEvent| {
            // While an input method composes a word, Enter confirms the word. Safari ends the composition
            // before that Enter, whose key code is then 229.
            let is_composing = event.is_composing() || event.key_code() == 229;
            if event.key() == "Enter" && !event.shift_key() && !is_composing {
                event.prevent_default();
                send.emit(());
            }
        })
    };
    let onsubmit = Callback::from(move |event: SubmitEvent| {
        event.prevent_default();
        send.emit(());
    });
    let label = format!("Message {}", isolated(name));
    html! {
        <form class="composer" {onsubmit}>
            <textarea
                ref={field}
                id="message"
                rows="1"
                dir="auto"
                maxlength={MAX_CHARS}
                placeholder={label.clone()}
                aria-label={label}
                {oninput}
                {onkeydown}
            />
            <button id="send" class="send" type="submit">
                { icon(Glyph::Send) }
                <span class="visually-hidden">{ "Send" }</span>
            </button>
        </form>
    }
}
