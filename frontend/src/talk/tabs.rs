//! What is read in one tab of the browser is read in its others: CometChat tells only whom it came from.

use gloo_events::EventListener;
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::{BroadcastChannel, MessageEvent};

/// A way to the other tabs of one user, until it is dropped.
pub struct Tabs {
    channel: BroadcastChannel,
    _listener: EventListener,
}

impl Tabs {
    /// `on_read` is told with whom, and up to which message. `None`: this browser has no way to other tabs.
    pub fn join(me: &str, on_read: impl Fn(String, u64) + 'static) -> Option<Self> {
        let channel = BroadcastChannel::new(&format!("cometchat-auth read by {me}")).ok()?;
        let listener = EventListener::new(&channel, "message", move |event| {
            let told = event.dyn_ref::<MessageEvent>().and_then(|event| event.data().as_string());
            if let Some((peer, to)) = told.as_deref().and_then(parse) {
                on_read(peer.to_owned(), to);
            }
        });
        Some(Self { channel, _listener: listener })
    }

    pub fn tell(&self, peer: &str, to: u64) {
        // It fails only when the channel is closed.
        let _ = self.channel.post_message(&JsValue::from_str(&format!("{to} {peer}")));
    }
}

impl Drop for Tabs {
    fn drop(&mut self) {
        self.channel.close();
    }
}

fn parse(told: &str) -> Option<(&str, u64)> {
    let (to, peer) = told.split_once(' ')?;
    Some((peer, to.parse().ok()?))
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_is_no_word_of_ours_is_nothing() {
        assert_eq!(super::parse("12 grace"), Some(("grace", 12)));
        for other in ["", "12", "grace 12", "-1 grace", "99999999999999999999 grace"] {
            assert_eq!(super::parse(other), None, "{other}");
        }
    }
}
