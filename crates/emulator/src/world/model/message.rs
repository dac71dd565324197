//! Messages, and queries of the message history.

use serde_json::{Map, Value};

#[derive(Debug, Clone)]
pub struct Message {
    pub id: u64,
    pub sender: String,
    pub receiver: String,
    pub category: String,
    pub kind: String,
    pub data: Map<String, Value>,
    /// The id from the sender's SDK.
    pub muid: Option<String>,
    pub tags: Vec<String>,
    /// The parent message if this is a reply in a thread.
    pub parent: Option<u64>,
    /// The tab of the sender, which must not show the message twice.
    pub resource: Option<String>,
    pub sent_at: u64,
    pub delivered_at: Option<u64>,
    pub read_at: Option<u64>,
}

impl Message {
    pub fn is_between(&self, one: &str, other: &str) -> bool {
        (self.sender == one && self.receiver == other) || (self.sender == other && self.receiver == one)
    }

    pub fn involves(&self, uid: &str) -> bool {
        self.sender == uid || self.receiver == uid
    }

    /// Returns the other participant of the conversation.
    pub fn partner_of(&self, uid: &str) -> &str {
        if self.sender == uid { &self.receiver } else { &self.sender }
    }

    pub fn is_unread_by(&self, uid: &str) -> bool {
        self.receiver == uid && self.sender != uid && self.read_at.is_none()
    }

    pub fn updated_at(&self) -> u64 {
        self.sent_at.max(self.delivered_at.unwrap_or(0)).max(self.read_at.unwrap_or(0))
    }

    /// Returns the text, or an empty one if this is not a text message.
    pub fn text(&self) -> &str {
        self.data.get("text").and_then(Value::as_str).unwrap_or_default()
    }
}

/// A message to send.
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

/// The messages that a history covers, among those of the viewer.
#[derive(Debug, Clone)]
pub enum HistoryScope {
    All,
    With(String),
    Thread(u64),
}

/// The direction in which a page leads from the cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// `affix=prepend`: messages older than the cursor.
    Older,
    /// `affix=append`: messages newer than the cursor.
    Newer,
}

/// A query for one page of a history. The cursor is the id. The time counts only if there is no id,
/// because several messages may have the same second.
#[derive(Debug, Clone)]
pub struct HistoryQuery {
    pub scope: HistoryScope,
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
    /// Only messages that changed after this second. With `only_updates`, sending is not a change.
    pub updated_after: Option<u64>,
    pub only_updates: bool,
}

/// Returns the id of a conversation. It has the uids in order, so that it is the same for both users.
pub fn conversation_id(one: &str, other: &str) -> String {
    let (first, second) = if one <= other { (one, other) } else { (other, one) };
    format!("{first}_user_{second}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conversation_id_is_the_same_for_both_users() {
        assert_eq!(conversation_id("bob", "alice"), "alice_user_bob");
        assert_eq!(conversation_id("alice", "bob"), "alice_user_bob");
    }
}
