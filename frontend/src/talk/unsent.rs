//! What was typed and is not sent: drafts, and messages that failed. Kept in the tab, so that it survives a
//! reload, and forgotten at sign-out.

use super::{Outgoing, Talk};
use crate::browser::tab;
use serde::{Deserialize, Serialize};

/// What the keys of all of it begin with.
pub const PREFIX: &str = "cometchat-auth:unsent:";

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    pub peer: String,
    pub key: String,
    pub text: String,
    pub at: i64,
}

fn draft_key(me: &str, peer: &str) -> String {
    format!("{PREFIX}draft:{me}:{peer}")
}

pub fn draft(me: &str, peer: &str) -> String {
    tab::kept(&draft_key(me, peer)).unwrap_or_default()
}

pub fn keep_draft(me: &str, peer: &str, text: &str) {
    let key = draft_key(me, peer);
    if text.is_empty() { tab::drop(&key) } else { tab::keep(&key, text) }
}

/// Keeps every message that CometChat has not confirmed.
pub fn keep(talk: &Talk) {
    let key = format!("{PREFIX}messages:{}", talk.me);
    let kept = unconfirmed(talk);
    match serde_json::to_string(&kept) {
        Ok(text) if !kept.is_empty() => tab::keep(&key, &text),
        _ => tab::drop(&key),
    }
}

/// What was kept before the page was loaded anew.
pub fn kept(me: &str) -> Vec<Kept> {
    let text = tab::kept(&format!("{PREFIX}messages:{me}")).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}

fn unconfirmed(talk: &Talk) -> Vec<Kept> {
    let of = |peer: &str, outgoing: &Outgoing| Kept {
        peer: peer.to_owned(),
        key: outgoing.key.clone(),
        text: outgoing.text.clone(),
        at: outgoing.at,
    };
    talk.threads
        .iter()
        .flat_map(|(peer, thread)| thread.outgoing.iter().map(move |outgoing| of(peer, outgoing)))
        .collect()
}
