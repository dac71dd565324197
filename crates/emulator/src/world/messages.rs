//! Messages: sending, showing, and the pages of a history.

use super::World;
use super::sockets::Audience;
use crate::errors::Failure;
use serde_json::{Map, Value, json};

#[derive(Debug, Clone)]
pub struct Message {
    pub id: u64,
    pub sender: String,
    pub receiver: String,
    pub category: String,
    pub kind: String,
    pub data: Map<String, Value>,
    /// The id that the sender's SDK gave it.
    pub muid: Option<String>,
    pub tags: Vec<String>,
    /// The message that this one replies to in a thread.
    pub parent: Option<u64>,
    /// The tab that sent it, which must not be shown it again.
    pub resource: Option<String>,
    pub sent_at: u64,
    pub delivered_at: Option<u64>,
    pub read_at: Option<u64>,
}

impl Message {
    pub fn is_between(&self, one: &str, other: &str) -> bool {
        (self.sender == one && self.receiver == other) || (self.sender == other && self.receiver == one)
    }

    pub fn concerns(&self, uid: &str) -> bool {
        self.sender == uid || self.receiver == uid
    }

    /// The other of the two who talk.
    pub fn partner_of(&self, uid: &str) -> &str {
        if self.sender == uid { &self.receiver } else { &self.sender }
    }

    pub fn is_unread_by(&self, uid: &str) -> bool {
        self.receiver == uid && self.sender != uid && self.read_at.is_none()
    }

    fn updated_at(&self) -> u64 {
        self.sent_at.max(self.delivered_at.unwrap_or(0)).max(self.read_at.unwrap_or(0))
    }

    /// Empty where it is not a text message.
    pub fn text(&self) -> &str {
        self.data.get("text").and_then(Value::as_str).unwrap_or_default()
    }
}

#[derive(Debug, Clone)]
pub struct NewMessage {
    pub sender: String,
    pub receiver: String,
    pub category: String,
    pub kind: String,
    pub data: Map<String, Value>,
    pub muid: Option<String>,
    pub tags: Vec<String>,
    pub parent: Option<u64>,
    pub resource: Option<String>,
}

/// Which messages a history is made of, for the one who asks.
#[derive(Debug, Clone)]
pub enum Scope {
    All,
    With(String),
    Thread(u64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// `affix=prepend`: what is older than the cursor.
    Older,
    /// `affix=append`: what is newer.
    Newer,
}

/// One page of a history. The id alone is the cursor; the time counts only where there is no id,
/// because several messages may share a second.
#[derive(Debug, Clone)]
pub struct History {
    pub scope: Scope,
    pub direction: Direction,
    pub limit: usize,
    pub id: Option<u64>,
    pub sent_at: Option<u64>,
    pub search: Option<String>,
    pub categories: Vec<String>,
    pub kinds: Vec<String>,
    pub tags: Vec<String>,
    pub unread: bool,
    pub hide_replies: bool,
    /// Changed after this second; with `only_updates`, not merely sent after it.
    pub updated_after: Option<u64>,
    pub only_updates: bool,
}

/// The uids in order, so that both sides name the same conversation.
pub fn conversation_id(one: &str, other: &str) -> String {
    let (first, second) = if one <= other { (one, other) } else { (other, one) };
    format!("{first}_user_{second}")
}

impl World {
    /// Stores the message and pushes it to every socket of both sides. The sending tab knows its own
    /// message by the device id and ignores it; the sender's other tabs show it.
    pub fn send(&mut self, new: NewMessage) -> Result<Message, Failure> {
        self.send_at(new, self.now())
    }

    /// [`World::send`] in the past: for a world that begins with some history.
    pub fn send_at(&mut self, new: NewMessage, sent_at: u64) -> Result<Message, Failure> {
        let sender = self.user(&new.sender)?.uid.clone();
        let receiver = self.user(&new.receiver)?.uid.clone();
        if let Some(parent) = new.parent {
            self.message(parent, Some(&sender))?;
        }
        self.last_message_id += 1;
        let message = Message {
            id: self.last_message_id,
            sender,
            receiver,
            category: new.category,
            kind: new.kind,
            data: new.data,
            muid: new.muid,
            tags: new.tags,
            parent: new.parent,
            resource: new.resource,
            sent_at,
            delivered_at: None,
            read_at: None,
        };
        self.messages.push(message.clone());
        let frame = json!({
            "type": "message",
            "appId": self.app_id,
            "receiver": message.receiver,
            "receiverType": "user",
            "sender": message.sender,
            // Sent by a server, it has no tab: any name that no tab has keeps the SDK from treating it as foreign.
            "deviceId": message.resource.as_deref().unwrap_or("rest-api"),
            "body": self.message_view(&message, None),
        });
        self.push(Audience::Users(&[&message.receiver, &message.sender]), &frame);
        Ok(message)
    }

    pub fn messages(&self) -> impl DoubleEndedIterator<Item = &Message> {
        self.messages.iter()
    }

    /// Found only by the two it concerns, if `viewer` is a user.
    pub fn message(&self, id: u64, viewer: Option<&str>) -> Result<&Message, Failure> {
        let found = self.messages.iter().find(|message| message.id == id);
        let found = found.filter(|message| viewer.is_none_or(|viewer| message.concerns(viewer)));
        found.ok_or_else(|| Failure::MessageIdNotFound(id.to_string()))
    }

    /// Oldest first, in both directions.
    pub fn history(&self, viewer: &str, wanted: &History) -> Vec<&Message> {
        let search = wanted.search.as_ref().map(|search| search.to_lowercase());
        let matching = self
            .messages
            .iter()
            .filter(|message| message.concerns(viewer))
            .filter(|message| match &wanted.scope {
                Scope::All => true,
                Scope::With(other) => message.is_between(viewer, other),
                Scope::Thread(parent) => message.parent == Some(*parent),
            })
            .filter(|message| match (wanted.id, wanted.sent_at, wanted.direction) {
                (Some(id), _, Direction::Older) => message.id < id,
                (Some(id), _, Direction::Newer) => message.id > id,
                (None, Some(at), Direction::Older) => message.sent_at < at,
                (None, Some(at), Direction::Newer) => message.sent_at > at,
                (None, None, _) => true,
            })
            .filter(|message| {
                search.as_ref().is_none_or(|search| message.text().to_lowercase().contains(search))
            })
            .filter(|message| wanted.categories.is_empty() || wanted.categories.contains(&message.category))
            .filter(|message| wanted.kinds.is_empty() || wanted.kinds.contains(&message.kind))
            .filter(|message| {
                wanted.tags.is_empty() || message.tags.iter().any(|tag| wanted.tags.contains(tag))
            })
            .filter(|message| !wanted.unread || message.is_unread_by(viewer))
            .filter(|message| !wanted.hide_replies || message.parent.is_none())
            .filter(|message| {
                wanted.updated_after.is_none_or(|after| {
                    let updated_at = message.updated_at();
                    updated_at > after && (!wanted.only_updates || updated_at > message.sent_at)
                })
            });
        match wanted.direction {
            Direction::Newer => matching.take(wanted.limit).collect(),
            Direction::Older => {
                let mut newest: Vec<&Message> = matching.rev().take(wanted.limit).collect();
                newest.reverse();
                newest
            }
        }
    }

    /// The message object that sending, history, socket and conversations all show.
    pub fn message_view(&self, message: &Message, viewer: Option<&str>) -> Value {
        let entity = |uid: &str, viewer: Option<&str>| {
            let user = self.users.get(uid).map(|user| self.user_view(user, viewer, false));
            json!({ "entityType": "user", "entity": user })
        };
        let mut data = message.data.clone();
        if let Some(resource) = &message.resource {
            data.insert("resource".into(), json!(resource));
        }
        data.insert(
            "entities".into(),
            json!({
                "sender": entity(&message.sender, None),
                "receiver": entity(&message.receiver, Some(&message.sender)),
            }),
        );
        let mut view = json!({
            "id": message.id.to_string(),
            "conversationId": conversation_id(&message.sender, &message.receiver),
            "sender": message.sender,
            "receiverType": "user",
            "receiver": message.receiver,
            "category": message.category,
            "type": message.kind,
            "data": data,
            "sentAt": message.sent_at,
            "updatedAt": message.updated_at(),
        });
        // The SDK reads the receiver's own times from here, never from the two fields of the sender.
        let my_receipt =
            message.delivered_at.filter(|_| viewer == Some(&message.receiver)).map(|delivered_at| {
                message.read_at.map_or_else(
                    || json!({ "deliveredAt": delivered_at }),
                    |read_at| json!({ "deliveredAt": delivered_at, "readAt": read_at }),
                )
            });
        let replies = self.messages.iter().filter(|reply| reply.parent == Some(message.id)).count();
        for (name, value) in [
            ("muid", message.muid.as_ref().map(|muid| json!(muid))),
            ("tags", (!message.tags.is_empty()).then(|| json!(message.tags))),
            ("parentId", message.parent.map(|parent| json!(parent.to_string()))),
            ("replyCount", (replies > 0).then(|| json!(replies))),
            ("deliveredAt", message.delivered_at.map(|at| json!(at))),
            ("readAt", message.read_at.map(|at| json!(at))),
            ("myReceipt", my_receipt),
        ] {
            if let (Some(value), Some(view)) = (value, view.as_object_mut()) {
                view.insert(name.into(), value);
            }
        }
        view
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::testing::{text_message, world};

    fn page(direction: Direction, limit: usize, id: Option<u64>) -> History {
        History {
            scope: Scope::With("bob".into()),
            direction,
            limit,
            id,
            sent_at: None,
            search: None,
            categories: Vec::new(),
            kinds: Vec::new(),
            tags: Vec::new(),
            unread: false,
            hide_replies: false,
            updated_after: None,
            only_updates: false,
        }
    }

    fn ids(world: &World, wanted: &History) -> Vec<u64> {
        world.history("alice", wanted).iter().map(|message| message.id).collect()
    }

    #[test]
    fn pages_are_oldest_first_in_both_directions_and_lose_nothing() {
        let (mut world, _) = world();
        for n in 0..7 {
            let (from, to) = if n % 2 == 0 { ("alice", "bob") } else { ("bob", "alice") };
            world.send(text_message(from, to, "hi")).unwrap();
            world.send(text_message("carol", "bob", "not ours")).unwrap();
        }
        // Ours are 1, 3, 5 … 13, all of the same second.
        assert_eq!(ids(&world, &page(Direction::Older, 3, None)), [9, 11, 13]);
        assert_eq!(ids(&world, &page(Direction::Older, 3, Some(9))), [3, 5, 7]);
        assert_eq!(ids(&world, &page(Direction::Older, 3, Some(3))), [1]);
        assert_eq!(ids(&world, &page(Direction::Newer, 3, Some(1))), [3, 5, 7]);
        assert_eq!(ids(&world, &page(Direction::Newer, 3, Some(13))), [0; 0]);
    }

    #[test]
    fn the_time_is_ignored_where_there_is_an_id() {
        let (mut world, clock) = world();
        world.send(text_message("alice", "bob", "one")).unwrap();
        world.send(text_message("alice", "bob", "two")).unwrap();
        clock.advance(5);
        world.send(text_message("alice", "bob", "three")).unwrap();
        let at = world.now();
        let both = History { sent_at: Some(0), ..page(Direction::Older, 10, Some(3)) };
        assert_eq!(ids(&world, &both), [1, 2]);
        let time_only = History { sent_at: Some(at), ..page(Direction::Older, 10, None) };
        assert_eq!(ids(&world, &time_only), [1, 2]);
    }

    #[test]
    fn the_filters_narrow_a_history() {
        let (mut world, _) = world();
        world.send(text_message("alice", "bob", "Lunch?")).unwrap();
        world.send(NewMessage { tags: vec!["food".into()], ..text_message("bob", "alice", "yes") }).unwrap();
        world.send(NewMessage { parent: Some(1), ..text_message("bob", "alice", "at noon") }).unwrap();
        let all = page(Direction::Older, 10, None);
        assert_eq!(ids(&world, &History { search: Some("lunch".into()), ..all.clone() }), [1]);
        assert_eq!(ids(&world, &History { tags: vec!["food".into()], ..all.clone() }), [2]);
        assert_eq!(ids(&world, &History { unread: true, ..all.clone() }), [2, 3]);
        assert_eq!(ids(&world, &History { hide_replies: true, ..all.clone() }), [1, 2]);
        assert_eq!(ids(&world, &History { scope: Scope::Thread(1), ..all.clone() }), [3]);
        assert_eq!(ids(&world, &History { kinds: vec!["image".into()], ..all }), [0; 0]);
    }

    #[test]
    fn both_sides_name_the_same_conversation() {
        assert_eq!(conversation_id("bob", "alice"), "alice_user_bob");
        assert_eq!(conversation_id("alice", "bob"), "alice_user_bob");
    }
}
