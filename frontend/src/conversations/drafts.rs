//! Drafts and unsent messages, kept in the tab so that they survive a reload, and removed at sign-out.

use super::state::ConversationStore;
use super::thread::Outgoing;
use crate::browser::storage::tab;
use serde::{Deserialize, Serialize};

/// The prefix of all keys of this module.
pub const PREFIX: &str = "cometchat-auth:unsent:";

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct UnsentMessage {
    pub peer: String,
    pub key: String,
    pub text: String,
    pub at: i64,
}

fn draft_key(me: &str, peer: &str) -> String {
    format!("{PREFIX}draft:{me}:{peer}")
}

/// Returns the draft to this peer, or an empty text.
pub fn load_draft(me: &str, peer: &str) -> String {
    tab::get(&draft_key(me, peer)).unwrap_or_default()
}

pub fn save_draft(me: &str, peer: &str, text: &str) {
    let key = draft_key(me, peer);
    if text.is_empty() { tab::remove(&key) } else { tab::set(&key, text) }
}

/// Saves the messages that CometChat has not confirmed.
pub fn save_unsent(store: &ConversationStore) {
    let key = format!("{PREFIX}messages:{}", store.me);
    let unsent = unsent(store);
    match serde_json::to_string(&unsent) {
        Ok(text) if !unsent.is_empty() => tab::set(&key, &text),
        _ => tab::remove(&key),
    }
}

/// Returns the messages that were saved before a reload.
pub fn load_unsent(me: &str) -> Vec<UnsentMessage> {
    let text = tab::get(&format!("{PREFIX}messages:{me}")).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}

fn unsent(store: &ConversationStore) -> Vec<UnsentMessage> {
    let unsent = |peer: &str, outgoing: &Outgoing| UnsentMessage {
        peer: peer.to_owned(),
        key: outgoing.key.clone(),
        text: outgoing.text.clone(),
        at: outgoing.at,
    };
    store
        .threads
        .iter()
        .flat_map(|(peer, thread)| thread.outgoing.iter().map(move |outgoing| unsent(peer, outgoing)))
        .collect()
}
