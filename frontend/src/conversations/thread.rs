//! The state machine of one conversation: its messages in order, each once, and those still to be sent.

use crate::model::Message;
use std::rc::Rc;

/// Whether there are messages before the first one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Older {
    /// No page was fetched yet.
    #[default]
    Unknown,
    Loading,
    More,
    /// The first message of the conversation is here.
    None,
    /// The page before could not be fetched.
    Failed,
}

/// A message that CometChat has not confirmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// CometChat returns the key with the message, so that a message that did arrive is recognized.
    pub key: String,
    pub text: String,
    /// Unix seconds, by this device's clock.
    pub at: i64,
    pub failed: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Thread {
    /// Sorted by id.
    pub messages: Vec<Rc<Message>>,
    /// In the order in which they were written; shown after the messages.
    pub outgoing: Vec<Outgoing>,
    pub older: Older,
    /// All messages up to this id are here. Later ones may have a gap before them if they arrived or were sent
    /// after a disconnect.
    pub complete_up_to: Option<u64>,
    /// The connection was lost, and the messages of that time are not fetched yet.
    pub has_gap: bool,
    /// The last ids that the other user has received and read. A receipt can arrive before the response that
    /// has the message's id.
    delivered_to: u64,
    read_to: u64,
}

impl Thread {
    /// Inserts messages from any source. Receipts are never taken back: one may arrive before a page of
    /// history that does not have it yet.
    pub fn merge(&mut self, me: &str, messages: impl IntoIterator<Item = Rc<Message>>) {
        for message in messages {
            if let Some(key) = &message.key {
                self.outgoing.retain(|outgoing| outgoing.key != *key);
            }
            match self.messages.binary_search_by_key(&message.id, |known| known.id) {
                Ok(place) => {
                    if let Some(known) = self.messages.get_mut(place) {
                        let (delivered, read) = (message.delivered, message.read);
                        mark(known, delivered, read);
                    }
                }
                Err(place) => {
                    let mut message = message;
                    if message.from == me {
                        let (delivered, read) = (message.id <= self.delivered_to, message.id <= self.read_to);
                        mark(&mut message, delivered, read);
                    }
                    self.messages.insert(place, message);
                }
            }
        }
    }

    pub fn newest(&self) -> Option<&Rc<Message>> {
        self.messages.last()
    }

    pub fn oldest_id(&self) -> Option<u64> {
        self.messages.first().map(|message| message.id)
    }

    /// Marks the messages of `me` up to `id` as delivered or read.
    pub fn receipt(&mut self, me: &str, id: u64, read: bool) {
        self.delivered_to = self.delivered_to.max(id);
        if read {
            self.read_to = self.read_to.max(id);
        }
        for message in self.messages.iter_mut().rev().filter(|message| message.id <= id && message.from == me)
        {
            if message.read || (message.delivered && !read) {
                // Earlier receipts covered all messages before this one.
                break;
            }
            mark(message, true, read);
        }
    }

    pub fn sending(&mut self, key: String, text: String, at: i64) {
        match self.outgoing.iter_mut().find(|outgoing| outgoing.key == key) {
            Some(retried) => retried.failed = false,
            None => self.outgoing.push(Outgoing { key, text, at, failed: false }),
        }
    }

    /// Returns whether sending this message was tried before.
    pub fn is_outgoing(&self, key: &str) -> bool {
        self.outgoing.iter().any(|outgoing| outgoing.key == key)
    }

    pub fn send_failed(&mut self, key: &str) {
        if let Some(outgoing) = self.outgoing.iter_mut().find(|outgoing| outgoing.key == key) {
            outgoing.failed = true;
        }
    }
}

/// Updates a message's receipts. Without a change the Rc stays the same.
fn mark(message: &mut Rc<Message>, delivered: bool, read: bool) {
    let (delivered, read) = (message.delivered || delivered || read, message.read || read);
    if (message.delivered, message.read) != (delivered, read) {
        *message = Rc::new(Message { delivered, read, ..(**message).clone() });
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// From `from` to the other of ada and bob.
    pub fn message(id: u64, from: &str) -> Rc<Message> {
        let to = if from == "ada" { "bob" } else { "ada" };
        Rc::new(Message {
            id,
            from: from.into(),
            to: to.into(),
            text: Some(format!("message {id}")),
            sent_at: 1_000,
            delivered: false,
            read: false,
            key: None,
        })
    }

    fn ids(thread: &Thread) -> Vec<u64> {
        thread.messages.iter().map(|message| message.id).collect()
    }

    #[test]
    fn merged_messages_are_sorted_and_unique() {
        let mut thread = Thread::default();
        thread.merge("ada", [5, 3, 9].map(|id| message(id, "bob")));
        thread.merge("ada", [1, 3, 5, 7].map(|id| message(id, "bob")));
        assert_eq!(ids(&thread), [1, 3, 5, 7, 9]);
    }

    #[test]
    fn receipt_covers_own_earlier_messages_only() {
        let mut thread = Thread::default();
        thread.merge("ada", [message(1, "ada"), message(2, "bob"), message(3, "ada"), message(4, "ada")]);
        thread.receipt("ada", 3, false);
        thread.receipt("ada", 1, true);
        let marks: Vec<_> = thread.messages.iter().map(|message| (message.delivered, message.read)).collect();
        assert_eq!(marks, [(true, true), (false, false), (true, false), (false, false)]);
    }

    #[test]
    fn receipt_before_the_response_counts() {
        let mut thread = Thread::default();
        thread.receipt("ada", 7, true);
        thread.merge("ada", [message(7, "ada"), message(8, "ada")]);
        let marks: Vec<_> = thread.messages.iter().map(|message| message.read).collect();
        assert_eq!(marks, [true, false]);
    }

    #[test]
    fn late_history_page_keeps_receipts() {
        let mut thread = Thread::default();
        thread.merge("ada", [message(1, "ada")]);
        thread.receipt("ada", 1, true);
        thread.merge("ada", [message(1, "ada")]);
        assert!(thread.messages.iter().all(|message| message.read));
    }

    #[test]
    fn failed_message_keeps_its_place_on_retry() {
        let mut thread = Thread::default();
        thread.sending("a".into(), "first".into(), 1);
        thread.sending("b".into(), "second".into(), 2);
        thread.send_failed("a");
        assert!(thread.outgoing[0].failed);
        thread.sending("a".into(), "first".into(), 3);
        assert!(!thread.outgoing[0].failed && thread.outgoing.len() == 2);
        assert_eq!(thread.outgoing[0].at, 1);
    }

    #[test]
    fn arrived_message_is_recognized_by_its_key() {
        let mut thread = Thread::default();
        thread.sending("a".into(), "text".into(), 1);
        thread.send_failed("a");
        thread.merge("ada", [Rc::new(Message { key: Some("a".into()), ..(*message(1, "ada")).clone() })]);
        assert!(thread.outgoing.is_empty());
        assert_eq!(ids(&thread), [1]);
    }

    #[test]
    fn ten_thousand_messages_merge_page_by_page() {
        let mut thread = Thread::default();
        for page in (0..200u64).rev() {
            thread.merge("ada", (page * 50..page * 50 + 50).map(|id| message(id, "bob")));
        }
        assert_eq!(thread.messages.len(), 10_000);
        assert_eq!((thread.oldest_id(), thread.newest().map(|message| message.id)), (Some(0), Some(9_999)));
    }
}
