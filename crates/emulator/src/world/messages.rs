//! Messages: sending, viewing, and pages of the history.

use super::model::{Audience, Direction, HistoryQuery, HistoryScope, Message, NewMessage, conversation_id};
use super::store::World;
use crate::errors::RestError;
use serde_json::{Value, json};

impl World {
    /// Stores the message and pushes it to all sockets of sender and receiver. The sending tab
    /// recognizes its message by the device id and ignores it; the sender's other tabs show it.
    pub fn send(&mut self, new: NewMessage) -> Result<Message, RestError> {
        self.send_at(new, self.now())
    }

    /// Sends a message with a time in the past, for the demo history. See [`World::send`].
    pub fn send_at(&mut self, new: NewMessage, sent_at: u64) -> Result<Message, RestError> {
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
            // A message of a server has no tab. The SDK accepts any device id that is not its own.
            "deviceId": message.resource.as_deref().unwrap_or("rest-api"),
            "body": self.message_view(&message, None),
        });
        self.push(Audience::Users(&[&message.receiver, &message.sender]), &frame);
        Ok(message)
    }

    pub fn messages(&self) -> impl DoubleEndedIterator<Item = &Message> {
        self.messages.iter()
    }

    /// Returns a message. If `viewer` is given, it must be the sender or the receiver.
    pub fn message(&self, id: u64, viewer: Option<&str>) -> Result<&Message, RestError> {
        let found = self.messages.iter().find(|message| message.id == id);
        let found = found.filter(|message| viewer.is_none_or(|viewer| message.involves(viewer)));
        found.ok_or_else(|| RestError::MessageIdNotFound(id.to_string()))
    }

    /// Returns a page of the history, oldest message first in both directions.
    pub fn history(&self, viewer: &str, query: &HistoryQuery) -> Vec<&Message> {
        let search = query.search.as_ref().map(|search| search.to_lowercase());
        let matching = self
            .messages
            .iter()
            .filter(|message| message.involves(viewer))
            .filter(|message| match &query.scope {
                HistoryScope::All => true,
                HistoryScope::With(other) => message.is_between(viewer, other),
                HistoryScope::Thread(parent) => message.parent == Some(*parent),
            })
            .filter(|message| match (query.id, query.sent_at, query.direction) {
                (Some(id), _, Direction::Older) => message.id < id,
                (Some(id), _, Direction::Newer) => message.id > id,
                (None, Some(at), Direction::Older) => message.sent_at < at,
                (None, Some(at), Direction::Newer) => message.sent_at > at,
                (None, None, _) => true,
            })
            .filter(|message| {
                search.as_ref().is_none_or(|search| message.text().to_lowercase().contains(search))
            })
            .filter(|message| query.categories.is_empty() || query.categories.contains(&message.category))
            .filter(|message| query.kinds.is_empty() || query.kinds.contains(&message.kind))
            .filter(|message| {
                query.tags.is_empty() || message.tags.iter().any(|tag| query.tags.contains(tag))
            })
            .filter(|message| !query.unread || message.is_unread_by(viewer))
            .filter(|message| !query.hide_replies || message.parent.is_none())
            .filter(|message| {
                query.updated_after.is_none_or(|after| {
                    let updated_at = message.updated_at();
                    updated_at > after && (!query.only_updates || updated_at > message.sent_at)
                })
            });
        match query.direction {
            Direction::Newer => matching.take(query.limit).collect(),
            Direction::Older => {
                let mut newest: Vec<&Message> = matching.rev().take(query.limit).collect();
                newest.reverse();
                newest
            }
        }
    }

    /// Returns the JSON of a message, the same for sending, history, sockets and conversations.
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
        // The SDK of the receiver reads its own receipt here. The fields `deliveredAt` and `readAt` are
        // for the sender.
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

    fn page(direction: Direction, limit: usize, id: Option<u64>) -> HistoryQuery {
        HistoryQuery {
            scope: HistoryScope::With("bob".into()),
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

    fn ids(world: &World, query: &HistoryQuery) -> Vec<u64> {
        world.history("alice", query).iter().map(|message| message.id).collect()
    }

    #[test]
    fn history_pages_are_complete_in_both_directions() {
        let (mut world, _) = world();
        for n in 0..7 {
            let (from, to) = if n % 2 == 0 { ("alice", "bob") } else { ("bob", "alice") };
            world.send(text_message(from, to, "hi")).unwrap();
            world.send(text_message("carol", "bob", "other conversation")).unwrap();
        }
        // The conversation has the ids 1, 3, 5 … 13, all of the same second.
        assert_eq!(ids(&world, &page(Direction::Older, 3, None)), [9, 11, 13]);
        assert_eq!(ids(&world, &page(Direction::Older, 3, Some(9))), [3, 5, 7]);
        assert_eq!(ids(&world, &page(Direction::Older, 3, Some(3))), [1]);
        assert_eq!(ids(&world, &page(Direction::Newer, 3, Some(1))), [3, 5, 7]);
        assert_eq!(ids(&world, &page(Direction::Newer, 3, Some(13))), [0; 0]);
    }

    #[test]
    fn history_cursor_with_id_ignores_the_time() {
        let (mut world, clock) = world();
        world.send(text_message("alice", "bob", "one")).unwrap();
        world.send(text_message("alice", "bob", "two")).unwrap();
        clock.advance(5);
        world.send(text_message("alice", "bob", "three")).unwrap();
        let at = world.now();
        let both = HistoryQuery { sent_at: Some(0), ..page(Direction::Older, 10, Some(3)) };
        assert_eq!(ids(&world, &both), [1, 2]);
        let time_only = HistoryQuery { sent_at: Some(at), ..page(Direction::Older, 10, None) };
        assert_eq!(ids(&world, &time_only), [1, 2]);
    }

    #[test]
    fn history_filters_select_matching_messages() {
        let (mut world, _) = world();
        world.send(text_message("alice", "bob", "Lunch?")).unwrap();
        world.send(NewMessage { tags: vec!["food".into()], ..text_message("bob", "alice", "yes") }).unwrap();
        world.send(NewMessage { parent: Some(1), ..text_message("bob", "alice", "at noon") }).unwrap();
        let all = page(Direction::Older, 10, None);
        assert_eq!(ids(&world, &HistoryQuery { search: Some("lunch".into()), ..all.clone() }), [1]);
        assert_eq!(ids(&world, &HistoryQuery { tags: vec!["food".into()], ..all.clone() }), [2]);
        assert_eq!(ids(&world, &HistoryQuery { unread: true, ..all.clone() }), [2, 3]);
        assert_eq!(ids(&world, &HistoryQuery { hide_replies: true, ..all.clone() }), [1, 2]);
        assert_eq!(ids(&world, &HistoryQuery { scope: HistoryScope::Thread(1), ..all.clone() }), [3]);
        assert_eq!(ids(&world, &HistoryQuery { kinds: vec!["image".into()], ..all }), [0; 0]);
    }
}
