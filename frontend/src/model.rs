//! People and messages, independent of the SDK's objects.

use std::rc::Rc;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    pub uid: String,
    pub name: String,
    pub online: bool,
}

/// A message that CometChat has stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Grows with time.
    pub id: u64,
    pub from: String,
    pub to: String,
    /// `None` for other types of messages, which this app cannot show.
    pub text: Option<String>,
    /// Unix seconds, by CometChat's clock.
    pub sent_at: i64,
    pub delivered: bool,
    pub read: bool,
    /// The key that the sending page gave the message before it had an id.
    pub key: Option<String>,
}

impl Message {
    /// Returns the uid of the other user.
    pub fn peer(&self, me: &str) -> &str {
        if self.from == me { &self.to } else { &self.from }
    }
}

/// A page of a list at CometChat.
#[derive(Debug)]
pub struct Page<T> {
    pub items: Vec<T>,
    pub is_last: bool,
}

/// A conversation as CometChat lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    pub person: Person,
    pub last: Option<Rc<Message>>,
    pub unread: u32,
}
