//! Receipts, unread counts and conversations.

use super::model::{Audience, Message, Receipt, SocketId, conversation_id};
use super::store::World;
use crate::errors::RestError;
use serde_json::{Value, json};
use std::collections::BTreeMap;

impl World {
    /// Marks message `id` and all older ones of the same sender as delivered to or read by `reader`.
    /// Pushes the receipt to all sockets of the sender. Does nothing if `reader` is not the receiver.
    pub fn record_receipt(&mut self, reader: &str, id: u64, receipt: Receipt, from: Option<SocketId>) {
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

    /// Marks all messages from `other` to `reader` as delivered or read.
    pub fn record_conversation_receipt(
        &mut self,
        reader: &str,
        other: &str,
        receipt: Receipt,
    ) -> Result<(), RestError> {
        let other = self.user(other)?.uid.clone();
        let newest =
            self.messages().rev().find(|message| message.sender == other && message.receiver == reader);
        if let Some(id) = newest.map(|message| message.id) {
            self.record_receipt(reader, id, receipt, None);
        }
        Ok(())
    }

    /// Returns the number of unread messages of `reader` by sender, without senders that have none.
    pub fn unread_counts(&self, reader: &str) -> BTreeMap<&str, usize> {
        let mut counts = BTreeMap::new();
        for message in self.messages().filter(|message| message.is_unread_by(reader)) {
            *counts.entry(message.sender.as_str()).or_default() += 1;
        }
        counts
    }

    /// Returns the last message of each conversation of `uid`, newest first.
    pub fn conversations(&self, uid: &str) -> Vec<&Message> {
        let mut last = BTreeMap::new();
        for message in self.messages().filter(|message| message.involves(uid)) {
            last.insert(message.partner_of(uid), message);
        }
        let mut last: Vec<&Message> = last.into_values().collect();
        last.sort_by_key(|message| std::cmp::Reverse(message.id));
        last
    }

    /// Returns the last message of the conversation of `uid` and `other`.
    pub fn conversation(&self, uid: &str, other: &str) -> Result<&Message, RestError> {
        let other = &self.user(other)?.uid;
        let last = self.messages().rev().find(|message| message.is_between(uid, other));
        last.ok_or_else(|| RestError::ConversationNotAccessible(other.clone()))
    }

    /// Returns the JSON of the conversation of `uid` that ends with `last`.
    pub fn conversation_view(&self, uid: &str, last: &Message) -> Value {
        let other = last.partner_of(uid);
        let first = self.messages().find(|message| message.is_between(uid, other)).unwrap_or(last);
        json!({
            "conversationId": conversation_id(uid, other),
            "conversationType": "user",
            "unreadMessageCount": self.unread_counts(uid).get(other).copied().unwrap_or(0).to_string(),
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
    use crate::world::testing::{connect_user, drain, text_message, world};

    #[test]
    fn read_receipt_covers_older_messages_only() {
        let (mut world, clock) = world();
        for text in ["one", "two", "three"] {
            world.send(text_message("alice", "bob", text)).unwrap();
        }
        clock.advance(7);
        world.record_receipt("bob", 2, Receipt::Read, None);
        let read_at: Vec<_> = world.messages().map(|message| message.read_at).collect();
        assert_eq!(read_at, [Some(1_700_000_007), Some(1_700_000_007), None]);
        assert_eq!(world.unread_counts("bob"), BTreeMap::from([("alice", 1)]));
    }

    #[test]
    fn delivery_receipt_leaves_the_message_unread() {
        let (mut world, clock) = world();
        world.send(text_message("alice", "bob", "hi")).unwrap();
        world.record_receipt("bob", 1, Receipt::Delivered, None);
        assert_eq!(world.unread_counts("bob").len(), 1);
        clock.advance(3);
        world.record_receipt("bob", 1, Receipt::Read, None);
        let message = world.message(1, None).unwrap();
        assert_eq!((message.delivered_at, message.read_at), (Some(1_700_000_000), Some(1_700_000_003)));
    }

    #[test]
    fn receipt_from_another_user_is_ignored() {
        let (mut world, _) = world();
        let (_, mut alice) = connect_user(&mut world, "alice", "a", PresenceSubscription::None);
        world.send(text_message("alice", "bob", "hi")).unwrap();
        drain(&mut alice);
        world.record_receipt("carol", 1, Receipt::Read, None);
        world.record_receipt("alice", 1, Receipt::Read, None);
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
        assert!(matches!(world.conversation("bob", "carol"), Err(RestError::ConversationNotAccessible(_))));
    }
}
