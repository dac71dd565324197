//! The message input. Enter sends, Shift+Enter breaks the line, and the draft survives a reload.

use crate::browser::dom;
use crate::browser::timer::now_ms;
use crate::cometchat::client;
use crate::components::{Glyph, icon, live_text};
use crate::conversations::drafts::{load_draft, save_draft};
use crate::conversations::use_conversations;
use crate::text;
use gloo_timers::callback::Timeout;
use shared::visible_text::isolated;
use web_sys::HtmlTextAreaElement;
use yew::prelude::*;

/// The minimum time between two typing indicators, and the pause after which typing has ended.
const TYPING_INTERVAL_MS: f64 = 2_500.0;
const TYPING_TIMEOUT_MS: u32 = 4_000;
/// The maximum length of a message in characters, chosen by this app. CometChat limits the JSON of a message's data to
/// 10,000 characters.
const MAX_CHARS: usize = 4_000;

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
    // The length of a message that is too long.
    let excess = use_state_eq(|| None::<usize>);

    use_effect_with(peer.clone(), {
        let (field, me, excess) = (field.clone(), me.clone(), excess.setter());
        move |peer| {
            if let Some(field) = field.cast::<HtmlTextAreaElement>() {
                let draft = load_draft(&me, peer);
                field.set_value(&draft);
                excess.set(excessive_length(&draft));
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
        let (peer, me, end_typing, excess) = (peer.clone(), me.clone(), end_typing.clone(), excess.setter());
        Callback::from(move |event: InputEvent| {
            let Some(field) = event.target_dyn_into::<HtmlTextAreaElement>() else { return };
            let text = field.value();
            save_draft(&me, &peer, &text);
            excess.set(excessive_length(&text));
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
            if text.trim().is_empty() || excessive_length(&text).is_some() {
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
    let is_too_long = excess.is_some();
    html! {
        <form class="composer" {onsubmit}>
            if let Some(chars) = *excess {
                <p id="message-too-long" class="too-long">{ live_text(explain_excess(chars)) }</p>
            }
            // Screen readers read the number with the field, and not at each key.
            <span class="visually-hidden" role="status">
                { live_text(if is_too_long { "Too long to send." } else { "" }) }
            </span>
            <textarea
                ref={field}
                id="message"
                rows="1"
                dir="auto"
                placeholder={label.clone()}
                aria-label={label}
                aria-invalid={is_too_long.then_some("true")}
                aria-describedby={is_too_long.then_some("message-too-long")}
                {oninput}
                {onkeydown}
            />
            <button id="send" class="send" type="submit" aria-disabled={is_too_long.then_some("true")}>
                { icon(Glyph::Send) }
                <span class="visually-hidden">{ "Send" }</span>
            </button>
        </form>
    }
}

/// Returns the length in characters of a message that is too long to be sent. White space at its ends is not sent.
fn excessive_length(text: &str) -> Option<usize> {
    // Most texts have fewer bytes than that, and are not counted.
    let text = text.trim();
    (text.len() > MAX_CHARS).then(|| text.chars().count()).filter(|chars| *chars > MAX_CHARS)
}

fn explain_excess(chars: usize) -> String {
    let excess = chars - MAX_CHARS;
    let plural = if excess == 1 { "" } else { "s" };
    format!(
        "Too long to send: {} character{plural} more than the {} of one message.",
        text::grouped(excess),
        text::grouped(MAX_CHARS)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_is_counted_in_characters_without_outer_space() {
        assert_eq!(excessive_length(&"ü".repeat(4_000)), None);
        assert_eq!(excessive_length(&format!(" {}\n", "x".repeat(4_000))), None);
        assert_eq!(excessive_length(&"👋".repeat(4_001)), Some(4_001));
    }

    #[test]
    fn explanation_says_how_much_is_too_much() {
        assert_eq!(
            explain_excess(4_001),
            "Too long to send: 1 character more than the 4,000 of one message."
        );
        assert_eq!(
            explain_excess(5_234),
            "Too long to send: 1,234 characters more than the 4,000 of one message."
        );
    }
}
