//! Receipts, and what follows from them: unread counts and conversations.

use super::messages::{Message, conversation_id};
use super::sockets::Audience;
use super::{SocketId, World};
use crate::errors::Failure;
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Receipt {
    Delivered,
    /// Implies delivered.
    Read,
}

impl Receipt {
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "delivered" => Some(Self::Delivered),
            "read" => Some(Self::Read),
            _ => None,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Read => "read",
        }
    }
}

impl World {
    /// `reader` has got, or read, message `id` and with it everything older from the same sender. The
    /// sender is told, with the time, on all sockets. A message that is not `reader`'s changes nothing.
    pub fn receive(&mut self, reader: &str, id: u64, receipt: Receipt, from: Option<SocketId>) {
        let Ok(message) = self.message(id, Some(reader)) else { return };
        if message.receiver != reader || message.sender == reader {
            return;
        }
        let sender = message.sender.clone();
        let now = self.now();
        for message in &mut self.messages {
            if message.id <= id && message.sender == sender && message.receiver == reader {
                message.delivered_at.get_or_insert(now);
                if receipt == Receipt::Read {
                    message.read_at.get_or_insert(now);
                }
            }
        }
        let frame = json!({
            "type": "receipts",
            "appId": self.app_id,
            "receiver": sender,
            "receiverType": "user",
            "sender": reader,
            "messageSender": sender,
            "deviceId": self.device_of(from),
            "body": {
                "action": receipt.name(),
                "messageId": id.to_string(),
                "user": self.user(reader).ok().map(|user| self.user_view(user, None, false)),
                "timestamp": now,
            },
        });
        self.push(Audience::Users(&[&sender]), &frame);
    }

    /// The whole conversation, up to the newest message from `other`.
    pub fn receive_all(&mut self, reader: &str, other: &str, receipt: Receipt) -> Result<(), Failure> {
        let other = self.user(other)?.uid.clone();
        let newest =
            self.messages().rev().find(|message| message.sender == other && message.receiver == reader);
        if let Some(id) = newest.map(|message| message.id) {
            self.receive(reader, id, receipt, None);
        }
        Ok(())
    }

    /// How many messages `reader` has not read, by sender; nobody with none is in it.
    pub fn unread(&self, reader: &str) -> BTreeMap<&str, usize> {
        let mut counts = BTreeMap::new();
        for message in self.messages().filter(|message| message.is_unread_by(reader)) {
            *counts.entry(message.sender.as_str()).or_default() += 1;
        }
        counts
    }

    /// The last message with each user that `uid` talks to, newest first.
    pub fn conversations(&self, uid: &str) -> Vec<&Message> {
        let mut last = BTreeMap::new();
        for message in self.messages().filter(|message| message.concerns(uid)) {
            last.insert(message.partner_of(uid), message);
        }
        let mut last: Vec<&Message> = last.into_values().collect();
        last.sort_by_key(|message| std::cmp::Reverse(message.id));
        last
    }

    pub fn conversation(&self, uid: &str, other: &str) -> Result<&Message, Failure> {
        let other = &self.user(other)?.uid;
        let last = self.messages().rev().find(|message| message.is_between(uid, other));
        last.ok_or_else(|| Failure::ConversationNotAccessible(other.clone()))
    }

    /// The conversation of `uid` that ends with `last`.
    pub fn conversation_view(&self, uid: &str, last: &Message) -> Value {
        let other = last.partner_of(uid);
        let first = self.messages().find(|message| message.is_between(uid, other)).unwrap_or(last);
        json!({
            "conversationId": conversation_id(uid, other),
            "conversationType": "user",
            "unreadMessageCount": self.unread(uid).get(other).copied().unwrap_or(0).to_string(),
            "createdAt": first.sent_at,
            "updatedAt": last.sent_at,
            "lastMessage": self.message_view(last, Some(uid)),
            "conversationWith": self.users.get(other).map(|user| self.user_view(user, Some(uid), false)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::PresenceSubscription;
    use crate::world::testing::{drain, online, text_message, world};

    #[test]
    fn reading_a_message_reads_all_older_ones_and_no_newer_one() {
        let (mut world, clock) = world();
        for text in ["one", "two", "three"] {
            world.send(text_message("alice", "bob", text)).unwrap();
        }
        clock.advance(7);
        world.receive("bob", 2, Receipt::Read, None);
        let read_at: Vec<_> = world.messages().map(|message| message.read_at).collect();
        assert_eq!(read_at, [Some(1_700_000_007), Some(1_700_000_007), None]);
        assert_eq!(world.unread("bob"), BTreeMap::from([("alice", 1)]));
    }

    #[test]
    fn a_delivery_leaves_the_message_unread_and_reading_keeps_its_time() {
        let (mut world, clock) = world();
        world.send(text_message("alice", "bob", "hi")).unwrap();
        world.receive("bob", 1, Receipt::Delivered, None);
        assert_eq!(world.unread("bob").len(), 1);
        clock.advance(3);
        world.receive("bob", 1, Receipt::Read, None);
        let message = world.message(1, None).unwrap();
        assert_eq!((message.delivered_at, message.read_at), (Some(1_700_000_000), Some(1_700_000_003)));
    }

    #[test]
    fn nobody_but_the_receiver_can_read_a_message() {
        let (mut world, _) = world();
        let (_, mut alice) = online(&mut world, "alice", "a", PresenceSubscription::None);
        world.send(text_message("alice", "bob", "hi")).unwrap();
        drain(&mut alice);
        world.receive("carol", 1, Receipt::Read, None);
        world.receive("alice", 1, Receipt::Read, None);
        assert_eq!(world.message(1, None).unwrap().read_at, None);
        assert!(drain(&mut alice).is_empty());
    }

    #[test]
    fn conversations_are_newest_first() {
        let (mut world, _) = world();
        world.send(text_message("alice", "bob", "1")).unwrap();
        world.send(text_message("alice", "carol", "2")).unwrap();
        world.send(text_message("bob", "alice", "3")).unwrap();
        let partners: Vec<&str> =
            world.conversations("alice").iter().map(|last| last.partner_of("alice")).collect();
        assert_eq!(partners, ["bob", "carol"]);
        assert!(matches!(world.conversation("bob", "carol"), Err(Failure::ConversationNotAccessible(_))));
    }
}
