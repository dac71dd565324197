//! One conversation: its messages in order, each once, and what is still to be sent.

use super::Message;
use std::rc::Rc;

/// What is known of the messages before the first one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Older {
    /// Nothing was fetched yet.
    #[default]
    Unknown,
    Loading,
    More,
    /// The first message of all is there.
    None,
    /// They could not be fetched.
    Failed,
}

/// A message that CometChat has not confirmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Names it; goes along with it, so that it is recognised if it did arrive.
    pub key: String,
    pub text: String,
    /// Unix seconds, by this device's clock.
    pub at: i64,
    pub failed: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Thread {
    /// By their ids, which grow with time.
    pub messages: Vec<Rc<Message>>,
    /// In the order in which they were written; shown after the messages.
    pub outgoing: Vec<Outgoing>,
    pub older: Older,
    /// Up to this id every message is there. What came or was sent since a connection was lost may have a gap before
    /// it, until what is after this one was fetched.
    pub whole_to: Option<u64>,
    /// A connection was lost, and what was said meanwhile has not come yet.
    pub may_lack: bool,
    /// Up to which ids the other side has got, and read, what I said. A quick reader's receipt comes before
    /// the answer that has the message's id.
    delivered_to: u64,
    read_to: u64,
}

impl Thread {
    /// Takes messages in, whichever way they came and however often. What is known of one does not get
    /// less: a receipt may arrive before the page of history that does not have it yet.
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

    /// The other side has got, or read, everything of mine up to `id`.
    pub fn receipt(&mut self, me: &str, id: u64, read: bool) {
        self.delivered_to = self.delivered_to.max(id);
        if read {
            self.read_to = self.read_to.max(id);
        }
        for message in self.messages.iter_mut().rev().filter(|message| message.id <= id && message.from == me)
        {
            if message.read || (message.delivered && !read) {
                // Everything before it was told of earlier.
                break;
            }
            mark(message, true, read);
        }
    }

    pub fn sending(&mut self, key: String, text: String, at: i64) {
        match self.outgoing.iter_mut().find(|outgoing| outgoing.key == key) {
            Some(again) => again.failed = false,
            None => self.outgoing.push(Outgoing { key, text, at, failed: false }),
        }
    }

    /// Whether this message was tried before.
    pub fn is_waiting(&self, key: &str) -> bool {
        self.outgoing.iter().any(|outgoing| outgoing.key == key)
    }

    pub fn not_sent(&mut self, key: &str) {
        if let Some(outgoing) = self.outgoing.iter_mut().find(|outgoing| outgoing.key == key) {
            outgoing.failed = true;
        }
    }
}

/// Notes what is new about a message, and leaves the same one where nothing is.
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
    fn messages_are_in_order_and_there_once_however_they_come() {
        let mut thread = Thread::default();
        thread.merge("ada", [5, 3, 9].map(|id| message(id, "bob")));
        thread.merge("ada", [1, 3, 5, 7].map(|id| message(id, "bob")));
        assert_eq!(ids(&thread), [1, 3, 5, 7, 9]);
    }

    #[test]
    fn a_receipt_covers_everything_before_it_and_nothing_after_it_or_of_the_other() {
        let mut thread = Thread::default();
        thread.merge("ada", [message(1, "ada"), message(2, "bob"), message(3, "ada"), message(4, "ada")]);
        thread.receipt("ada", 3, false);
        thread.receipt("ada", 1, true);
        let marks: Vec<_> = thread.messages.iter().map(|message| (message.delivered, message.read)).collect();
        assert_eq!(marks, [(true, true), (false, false), (true, false), (false, false)]);
    }

    #[test]
    fn a_receipt_that_is_quicker_than_the_answer_counts() {
        let mut thread = Thread::default();
        thread.receipt("ada", 7, true);
        thread.merge("ada", [message(7, "ada"), message(8, "ada")]);
        let marks: Vec<_> = thread.messages.iter().map(|message| message.read).collect();
        assert_eq!(marks, [true, false]);
    }

    #[test]
    fn a_late_page_of_history_takes_no_receipt_away() {
        let mut thread = Thread::default();
        thread.merge("ada", [message(1, "ada")]);
        thread.receipt("ada", 1, true);
        thread.merge("ada", [message(1, "ada")]);
        assert!(thread.messages.iter().all(|message| message.read));
    }

    #[test]
    fn what_failed_stays_and_is_sent_again_in_its_place() {
        let mut thread = Thread::default();
        thread.sending("a".into(), "first".into(), 1);
        thread.sending("b".into(), "second".into(), 2);
        thread.not_sent("a");
        assert!(thread.outgoing[0].failed);
        thread.sending("a".into(), "first".into(), 3);
        assert!(!thread.outgoing[0].failed && thread.outgoing.len() == 2);
        assert_eq!(thread.outgoing[0].at, 1);
    }

    #[test]
    fn what_arrived_although_nobody_said_so_is_recognised_by_its_key() {
        let mut thread = Thread::default();
        thread.sending("a".into(), "text".into(), 1);
        thread.not_sent("a");
        thread.merge("ada", [Rc::new(Message { key: Some("a".into()), ..(*message(1, "ada")).clone() })]);
        assert!(thread.outgoing.is_empty());
        assert_eq!(ids(&thread), [1]);
    }

    #[test]
    fn ten_thousand_messages_are_merged_page_by_page() {
        let mut thread = Thread::default();
        for page in (0..200u64).rev() {
            thread.merge("ada", (page * 50..page * 50 + 50).map(|id| message(id, "bob")));
        }
        assert_eq!(thread.messages.len(), 10_000);
        assert_eq!((thread.oldest_id(), thread.newest().map(|message| message.id)), (Some(0), Some(9_999)));
    }
}
