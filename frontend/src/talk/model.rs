//! What is talked about, as the rest of the page sees it.

use std::rc::Rc;

/// People that are listed or found at once; nobody looks through more, who searches.
pub const PEOPLE: u32 = 50;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    pub uid: String,
    pub name: String,
    pub online: bool,
}

/// A message that CometChat has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Grows with time.
    pub id: u64,
    pub from: String,
    pub to: String,
    /// `None`: it is no text, and cannot be shown here.
    pub text: Option<String>,
    /// Unix seconds, by CometChat's clock.
    pub sent_at: i64,
    pub delivered: bool,
    pub read: bool,
    /// What the sending page called it before it had an id.
    pub key: Option<String>,
}

impl Message {
    /// The other of the two who talk.
    pub fn peer(&self, me: &str) -> &str {
        if self.from == me { &self.to } else { &self.from }
    }
}

/// The last word with somebody, and how much of what they said is unread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    pub person: Person,
    pub last: Option<Rc<Message>>,
    pub unread: u32,
}
