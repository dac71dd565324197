//! Tells the browser's other tabs, which share one cookie, that the server has replaced their session.

use gloo_events::EventListener;
use wasm_bindgen::JsValue;
use web_sys::BroadcastChannel;

thread_local! {
    /// One channel for the document, because a channel does not receive its own messages. Without channels
    /// the connections of other tabs recover by themselves.
    static CHANNEL: Option<BroadcastChannel> = BroadcastChannel::new("cometchat-auth session rotated").ok();
}

pub fn notify_other_tabs() {
    CHANNEL.with(|channel| {
        if let Some(channel) = channel {
            // It fails only if the channel is closed. The message has no content.
            let _ = channel.post_message(&JsValue::NULL);
        }
    });
}

/// Calls `on_rotated` when the session was replaced in another tab, until the listener is dropped.
pub fn listen(on_rotated: impl Fn() + 'static) -> Option<EventListener> {
    CHANNEL.with(|channel| {
        channel.as_ref().map(|channel| EventListener::new(channel, "message", move |_| on_rotated()))
    })
}
