//! Invariants of the store, checked after every sequence of four events between two users.

use super::state::{ConversationEvent, ConversationStore};
use super::thread::tests::message;
use crate::model::{Conversation, Message, Person};
use std::collections::BTreeMap;
use std::rc::Rc;
use yew::Reducible as _;

const LENGTH: usize = 4;
/// The key of the one message that ada sends on this page.
const KEY: &str = "k";

/// Ada's message, which has the second id.
fn mine() -> Rc<Message> {
    Rc::new(Message { key: Some(KEY.into()), ..(*message(2, "ada")).clone() })
}

fn events() -> Vec<ConversationEvent> {
    let peer = || "bob".to_owned();
    let bob = || Person { uid: peer(), name: "Bob".into(), online: true };
    vec![
        ConversationEvent::Received(message(1, "bob")),
        ConversationEvent::Received(mine()),
        ConversationEvent::Received(message(3, "bob")),
        ConversationEvent::OlderRequested { peer: peer() },
        ConversationEvent::OlderLoaded {
            peer: peer(),
            messages: vec![message(1, "bob"), mine()],
            is_last: true,
        },
        ConversationEvent::OlderFailed { peer: peer() },
        ConversationEvent::NewerLoaded {
            peer: peer(),
            after: Some(1),
            disconnects: 0,
            messages: vec![mine(), message(3, "bob")],
        },
        ConversationEvent::NewerLoaded { peer: peer(), after: Some(3), disconnects: 1, messages: Vec::new() },
        ConversationEvent::Sending { peer: peer(), key: KEY.into(), text: "text".into(), at: 1 },
        ConversationEvent::SendFailed { peer: peer(), key: KEY.into() },
        ConversationEvent::Sent { peer: peer(), message: mine() },
        ConversationEvent::MarkedRead { peer: peer(), to: 2 },
        ConversationEvent::Conversations {
            conversations: vec![Conversation { person: bob(), last: Some(message(3, "bob")), unread: 2 }],
            has_more: false,
        },
        ConversationEvent::PersonFound(bob()),
        ConversationEvent::Receipt { peer: peer(), id: 2, read: true },
        ConversationEvent::Typing { peer: peer(), typing: true },
        ConversationEvent::Presence(Person { online: false, ..bob() }),
        ConversationEvent::Disconnected,
    ]
}

/// Checks every sequence that begins with these events, which have led to this store.
fn check_sequences_from(
    sequence: &mut Vec<ConversationEvent>,
    store: &Rc<ConversationStore>,
    check: &dyn Fn(&[ConversationEvent], &ConversationStore, &ConversationStore),
) {
    if sequence.len() == LENGTH {
        return;
    }
    for event in events() {
        sequence.push(event.clone());
        let next = store.clone().reduce(event);
        check(sequence, store, &next);
        check_sequences_from(sequence, &next, check);
        sequence.pop();
    }
}

fn check_sequences(check: impl Fn(&[ConversationEvent], &ConversationStore, &ConversationStore)) {
    check_sequences_from(&mut Vec::new(), &Rc::new(ConversationStore::new("ada".into())), &check);
}

/// Whether each message was delivered and read, by its id.
fn receipts(store: &ConversationStore) -> BTreeMap<u64, (bool, bool)> {
    let messages = store.threads.get("bob").into_iter().flat_map(|thread| &thread.messages);
    messages.map(|message| (message.id, (message.delivered, message.read))).collect()
}

fn unread(store: &ConversationStore) -> u32 {
    store.contacts.get("bob").map_or(0, |contact| contact.unread)
}

#[test]
fn messages_are_sorted_unique_and_keep_receipts() {
    check_sequences(|sequence, before, after| {
        let Some(thread) = after.threads.get("bob") else { return };
        assert!(thread.messages.is_sorted_by(|a, b| a.id < b.id), "{sequence:?}");
        let receipts = (receipts(before), receipts(after));
        for (id, (delivered, read)) in receipts.0 {
            let now = receipts.1.get(&id).copied().unwrap_or_default();
            assert!(
                receipts.1.contains_key(&id) && now.0 >= delivered && now.1 >= read,
                "{id}: {sequence:?}"
            );
        }
        if let Some(newest) = thread.newest() {
            let last = after.contacts.get("bob").and_then(|contact| contact.last.as_ref());
            assert!(
                last.is_some_and(|last| last.id >= newest.id),
                "the list is behind the thread: {sequence:?}"
            );
        }
    });
}

#[test]
fn unread_count_grows_once_per_received_message() {
    check_sequences(|sequence, before, after| {
        let Some((event, earlier)) = sequence.split_last() else { return };
        let (old, new) = (unread(before), unread(after));
        match event {
            ConversationEvent::Received(message) if message.from == "bob" && !earlier.contains(event) => {
                assert!(new == old || new == old + 1, "{sequence:?}");
            }
            ConversationEvent::MarkedRead { to, .. } => {
                let last = after.contacts.get("bob").and_then(|contact| contact.last.as_ref());
                let is_all = last.is_none_or(|last| last.id <= *to);
                assert_eq!(new, if is_all { 0 } else { old }, "{sequence:?}");
            }
            // CometChat's count wins.
            ConversationEvent::Conversations { .. } => assert_eq!(new, 2, "{sequence:?}"),
            _ => assert_eq!(new, old, "{sequence:?}"),
        }
    });
}

#[test]
fn outgoing_message_stays_until_it_has_arrived() {
    check_sequences(|sequence, _, after| {
        let brings_mine = |event: &ConversationEvent| match event {
            ConversationEvent::Received(message) | ConversationEvent::Sent { message, .. } => {
                message.key.is_some()
            }
            ConversationEvent::OlderLoaded { messages, .. }
            | ConversationEvent::NewerLoaded { messages, .. } => {
                messages.iter().any(|message| message.key.is_some())
            }
            _ => false,
        };
        let is_sending = |event: &ConversationEvent| matches!(event, ConversationEvent::Sending { .. });
        let last = sequence.iter().rev().find(|event| is_sending(event) || brings_mine(event));
        let outgoing: Vec<bool> = after
            .threads
            .get("bob")
            .into_iter()
            .flat_map(|thread| &thread.outgoing)
            .map(|one| one.failed)
            .collect();
        let waits = last.is_some_and(is_sending);
        assert_eq!(outgoing.len(), usize::from(waits), "{sequence:?}");
        if waits {
            let tried = |event: &&ConversationEvent| {
                is_sending(event) || matches!(event, ConversationEvent::SendFailed { .. })
            };
            let has_failed = sequence.iter().rev().find(tried).is_some_and(|event| !is_sending(event));
            assert_eq!(outgoing, [has_failed], "{sequence:?}");
        }
    });
}

#[test]
fn offline_or_disconnect_ends_typing() {
    check_sequences(|sequence, _, after| {
        if let Some(ConversationEvent::Disconnected | ConversationEvent::Presence(_)) = sequence.last() {
            assert!(!after.contacts.values().any(|contact| contact.typing), "{sequence:?}");
        }
    });
}
