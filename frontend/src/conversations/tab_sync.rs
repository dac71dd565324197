//! Tells the browser's other tabs what was read: CometChat tells only the sender.

use gloo_events::EventListener;
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::{BroadcastChannel, MessageEvent};

/// The channel between the tabs of one user, open until it is dropped.
pub struct TabSync {
    channel: BroadcastChannel,
    _listener: EventListener,
}

impl TabSync {
    /// Calls `on_read` with the peer and the last message that another tab has read. Returns `None` in a
    /// browser without such channels.
    pub fn join(me: &str, on_read: impl Fn(String, u64) + 'static) -> Option<Self> {
        let channel = BroadcastChannel::new(&format!("cometchat-auth read by {me}")).ok()?;
        let listener = EventListener::new(&channel, "message", move |event| {
            let data = event.dyn_ref::<MessageEvent>().and_then(|event| event.data().as_string());
            if let Some((peer, to)) = data.as_deref().and_then(parse) {
                on_read(peer.to_owned(), to);
            }
        });
        Some(Self { channel, _listener: listener })
    }

    pub fn post_read(&self, peer: &str, to: u64) {
        // It fails only if the channel is closed.
        let _ = self.channel.post_message(&JsValue::from_str(&format!("{to} {peer}")));
    }
}

impl Drop for TabSync {
    fn drop(&mut self) {
        self.channel.close();
    }
}

fn parse(data: &str) -> Option<(&str, u64)> {
    let (to, peer) = data.split_once(' ')?;
    Some((peer, to.parse().ok()?))
}

#[cfg(test)]
mod tests {
    #[test]
    fn foreign_tab_message_is_ignored() {
        assert_eq!(super::parse("12 grace"), Some(("grace", 12)));
        for other in ["", "12", "grace 12", "-1 grace", "99999999999999999999 grace"] {
            assert_eq!(super::parse(other), None, "{other}");
        }
    }
}
