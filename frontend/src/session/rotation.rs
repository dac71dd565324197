//! Tells the tabs of this browser, which share one cookie, that the server has replaced their session.

use gloo_events::EventListener;
use wasm_bindgen::JsValue;
use web_sys::BroadcastChannel;

thread_local! {
    /// One for the page: a channel does not get its own messages. `None`: this browser has no way to other tabs, whose
    /// connections to CometChat then recover by themselves.
    static CHANNEL: Option<BroadcastChannel> = BroadcastChannel::new("cometchat-auth session rotated").ok();
}

pub fn tell_other_tabs() {
    CHANNEL.with(|channel| {
        if let Some(channel) = channel {
            // It fails only when the channel is closed. The message says nothing but that it came.
            let _ = channel.post_message(&JsValue::NULL);
        }
    });
}

/// Calls `act` when another tab has had the session replaced, until the listener is dropped.
pub fn listen(act: impl Fn() + 'static) -> Option<EventListener> {
    CHANNEL.with(|channel| {
        channel.as_ref().map(|channel| EventListener::new(channel, "message", move |_| act()))
    })
}
