//! Everything the emulator knows, and CometChat's rules about it: users, auth tokens, messages,
//! conversations, sockets. Knows nothing of HTTP; sockets are channels that frames are pushed into.
//! One `World` sits behind one lock, so that no reader ever sees half of a change.

mod call_log;
mod faults;
mod messages;
mod rate_limits;
mod receipts;
mod sockets;
mod tokens;
mod users;

pub use call_log::Api;
pub use faults::{Effect, FaultSpec};
pub use messages::{Direction, History, Message, NewMessage, Scope};
pub use rate_limits::{Allowance, RateLimits};
pub use receipts::Receipt;
pub use sockets::{Outgoing, PresenceSubscription, Socket, SocketId, Subject};
pub use tokens::{Device, Token};
pub use users::{ProfileChange, Sort, User, UserFilter};

use call_log::Calls;
use faults::Faults;
use rate_limits::Rates;
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc};

/// Unix seconds.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

pub struct World {
    app_id: String,
    clock: Clock,
    users: BTreeMap<String, User>,
    /// In order of issue.
    tokens: Vec<Token>,
    /// In order of sending, so of id.
    messages: Vec<Message>,
    last_message_id: u64,
    sockets: BTreeMap<SocketId, Socket>,
    last_socket_id: SocketId,
    pub faults: Faults,
    pub calls: Calls,
    pub rates: Rates,
}

impl World {
    pub fn new(app_id: String, rate_limits: RateLimits, clock: Clock) -> Self {
        Self {
            app_id,
            clock,
            users: BTreeMap::new(),
            tokens: Vec::new(),
            messages: Vec::new(),
            last_message_id: 0,
            sockets: BTreeMap::new(),
            last_socket_id: 0,
            faults: Faults::default(),
            calls: Calls::default(),
            rates: Rates::new(rate_limits),
        }
    }

    pub fn now(&self) -> u64 {
        (self.clock)()
    }

    /// Forgets everything and closes all sockets. Ids go on counting, so that a late answer to
    /// something of before cannot be taken for something of after.
    pub fn reset(&mut self) {
        self.close_all_sockets("The emulator was reset");
        self.users.clear();
        self.tokens.clear();
        self.messages.clear();
        self.faults.clear();
        self.calls.clear();
        self.rates.clear();
    }

    /// All there is to see, for tests and for the page.
    pub fn state(&self) -> Value {
        let users = self.users.values().map(|user| {
            let mut view = self.user_view(user, None, true);
            if let Some(view) = view.as_object_mut() {
                let tokens = self.tokens_of(&user.uid).map(|token| token.secret.as_str());
                view.insert("tokens".into(), tokens.collect());
            }
            view
        });
        let sockets = self.sockets().map(|socket| {
            json!({
                "uid": socket.uid(),
                "authenticated": socket.uid().is_some(),
                "deviceId": socket.subject.as_ref().map(|subject| &subject.device_id),
            })
        });
        json!({
            "users": users.collect::<Value>(),
            "sockets": sockets.collect::<Value>(),
            "messages": self.messages().map(|message| self.message_view(message, None)).collect::<Value>(),
            "calls": self.calls.all().collect::<Vec<_>>(),
        })
    }
}

#[cfg(test)]
pub mod testing {
    //! A small world with a clock that tests move.

    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};
    use tokio::sync::mpsc::UnboundedReceiver;

    pub struct Clockwork(Arc<AtomicU64>);

    impl Clockwork {
        pub fn advance(&self, seconds: u64) {
            self.0.fetch_add(seconds, Ordering::Relaxed);
        }
    }

    /// Alice, bob and carol, at second 1_700_000_000.
    pub fn world() -> (World, Clockwork) {
        let time = Arc::new(AtomicU64::new(1_700_000_000));
        let clock = Arc::clone(&time);
        let mut world =
            World::new("app".into(), RateLimits::default(), Arc::new(move || clock.load(Ordering::Relaxed)));
        for uid in ["alice", "bob", "carol"] {
            let name = Some(uid.to_uppercase());
            world.create_user(uid, ProfileChange { name, ..ProfileChange::default() }).unwrap();
        }
        (world, Clockwork(time))
    }

    /// A signed-in socket of a new token.
    pub fn online(
        world: &mut World,
        uid: &str,
        device: &str,
        presence: PresenceSubscription,
    ) -> (SocketId, UnboundedReceiver<Outgoing>) {
        let token = world.mint(uid, true).unwrap();
        let (id, frames) = world.connect();
        let subject = Subject { uid: uid.into(), token: token.secret, device_id: device.into(), presence };
        world.sign_in(id, subject);
        (id, frames)
    }

    /// What was pushed so far; a close shows as `"closed"`.
    pub fn drain(frames: &mut UnboundedReceiver<Outgoing>) -> Vec<Value> {
        std::iter::from_fn(|| frames.try_recv().ok())
            .map(|outgoing| match outgoing {
                Outgoing::Frame(text) => serde_json::from_str(&text).unwrap(),
                Outgoing::Close(_) => json!("closed"),
            })
            .collect()
    }

    pub fn text_message(from: &str, to: &str, text: &str) -> NewMessage {
        NewMessage {
            sender: from.into(),
            receiver: to.into(),
            category: "message".into(),
            kind: "text".into(),
            data: json!({ "text": text }).as_object().unwrap().clone(),
            muid: None,
            tags: Vec::new(),
            parent: None,
            resource: Some(format!("{from}-device")),
        }
    }
}
