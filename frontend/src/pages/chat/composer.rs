//! Where messages are written. Enter sends, Shift and Enter break the line, and what is typed survives a
//! reload.

use crate::browser;
use crate::chat::messaging;
use crate::components::{Glyph, icon};
use crate::talk::{draft, keep_draft, use_talk};
use gloo_timers::callback::Timeout;
use shared::visible_text::isolated;
use web_sys::HtmlTextAreaElement;
use yew::prelude::*;

/// The other side is told of typing at most this often, and that it has stopped after this rest.
const TELL_MS: f64 = 2_500.0;
const REST_MS: u32 = 4_000;
/// CometChat takes no more of one message.
const MAX_CHARS: &str = "4000";

#[derive(PartialEq, Properties)]
pub struct Props {
    pub peer: AttrValue,
    pub name: AttrValue,
}

#[component]
pub fn Composer(props: &Props) -> Html {
    let Props { peer, name } = props;
    let talk = use_talk();
    let field = use_node_ref();
    let told_at = use_mut_ref(|| 0.0);
    let rest = use_mut_ref(|| None::<Timeout>);
    let me = talk.state().me.clone();

    use_effect_with(peer.clone(), {
        let (field, me) = (field.clone(), me.clone());
        move |peer| {
            if let Some(field) = field.cast::<HtmlTextAreaElement>() {
                field.set_value(&draft(&me, peer));
                if browser::has_fine_pointer() {
                    let _ = field.focus();
                }
            }
        }
    });

    let stop_typing = {
        let (told_at, rest, peer) = (told_at.clone(), rest.clone(), peer.clone());
        move || {
            rest.replace(None);
            if told_at.replace(0.0) > 0.0 {
                messaging::tell_typing(&peer, false);
            }
        }
    };
    let oninput = {
        let (peer, me, stop) = (peer.clone(), me.clone(), stop_typing.clone());
        Callback::from(move |event: InputEvent| {
            let Some(field) = event.target_dyn_into::<HtmlTextAreaElement>() else { return };
            keep_draft(&me, &peer, &field.value());
            let now = browser::now_ms();
            if now - *told_at.borrow() > TELL_MS {
                told_at.replace(now);
                messaging::tell_typing(&peer, true);
            }
            let stop = stop.clone();
            rest.replace(Some(Timeout::new(REST_MS, stop)));
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
            stop_typing();
            talk.say(&peer, text.trim());
            field.set_value("");
            keep_draft(&me, &peer, "");
            let _ = field.focus();
        })
    };
    let onkeydown = {
        let send = send.clone();
        Callback::from(move |event: KeyboardEvent| {
            // While an input method composes a word, Enter is for the word.
            // (Safari says that it is done before the Enter that ends it, of which then only the code is 229.)
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
    let label = format!("Write to {}", isolated(name));
    html! {
        <form class="compose" {onsubmit}>
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
                <span class="unseen">{ "Send" }</span>
            </button>
        </form>
    }
}
