//! A small world with a clock that tests control.

use super::{
    NewMessage, PresenceSubscription, ProfileChange, RateLimits, SocketCommand, SocketId, SocketUser, World,
};
use serde_json::{Value, json};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
use tokio::sync::mpsc::UnboundedReceiver;

pub struct TestClock(Arc<AtomicU64>);

impl TestClock {
    pub fn advance(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::Relaxed);
    }
}

/// Returns a world with alice, bob and carol, at second 1_700_000_000.
pub fn world() -> (World, TestClock) {
    let time = Arc::new(AtomicU64::new(1_700_000_000));
    let clock = Arc::clone(&time);
    let mut world =
        World::new("app".into(), RateLimits::default(), Arc::new(move || clock.load(Ordering::Relaxed)));
    for uid in ["alice", "bob", "carol"] {
        let name = Some(uid.to_uppercase());
        world.create_user(uid, ProfileChange { name, ..ProfileChange::default() }).unwrap();
    }
    (world, TestClock(time))
}

/// Opens a socket and signs it in with a new token.
pub fn connect_user(
    world: &mut World,
    uid: &str,
    device: &str,
    presence: PresenceSubscription,
) -> (SocketId, UnboundedReceiver<SocketCommand>) {
    let token = world.mint_token(uid, true).unwrap();
    let (id, frames) = world.connect();
    let user = SocketUser { uid: uid.into(), token: token.secret, device_id: device.into(), presence };
    world.authenticate_socket(id, user);
    (id, frames)
}

/// Returns the frames pushed so far. A close shows as `"closed"`.
pub fn drain(frames: &mut UnboundedReceiver<SocketCommand>) -> Vec<Value> {
    std::iter::from_fn(|| frames.try_recv().ok())
        .map(|command| match command {
            SocketCommand::Frame(text) => serde_json::from_str(&text).unwrap(),
            SocketCommand::Close(_) => json!("closed"),
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
