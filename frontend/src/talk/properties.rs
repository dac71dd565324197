//! Laws of the talk that hold after every row of events: all rows of four are tried, of everything that can happen
//! between two people.

use super::thread::tests::message;
use super::{Conversation, Message, Person, Talk, TalkEvent};
use std::collections::BTreeMap;
use std::rc::Rc;
use yew::Reducible as _;

const ROW: usize = 4;
/// Names the one message that ada sends here.
const KEY: &str = "k";

/// Ada's own message, which has the second id.
fn mine() -> Rc<Message> {
    Rc::new(Message { key: Some(KEY.into()), ..(*message(2, "ada")).clone() })
}

fn events() -> Vec<TalkEvent> {
    let peer = || "bob".to_owned();
    let bob = || Person { uid: peer(), name: "Bob".into(), online: true };
    vec![
        TalkEvent::Received(message(1, "bob")),
        TalkEvent::Received(mine()),
        TalkEvent::Received(message(3, "bob")),
        TalkEvent::OlderAsked { peer: peer() },
        TalkEvent::OlderCame { peer: peer(), messages: vec![message(1, "bob"), mine()], is_last: true },
        TalkEvent::OlderFailed { peer: peer() },
        TalkEvent::NewerCame { peer: peer(), after: 1, losses: 0, messages: vec![mine(), message(3, "bob")] },
        TalkEvent::NewerCame { peer: peer(), after: 3, losses: 1, messages: Vec::new() },
        TalkEvent::Sending { peer: peer(), key: KEY.into(), text: "text".into(), at: 1 },
        TalkEvent::NotSent { peer: peer(), key: KEY.into() },
        TalkEvent::Sent { peer: peer(), message: mine() },
        TalkEvent::Seen { peer: peer(), to: 2 },
        TalkEvent::Conversations(vec![Conversation {
            person: bob(),
            last: Some(message(3, "bob")),
            unread: 2,
        }]),
        TalkEvent::People(vec![bob()]),
        TalkEvent::Receipt { peer: peer(), id: 2, read: true },
        TalkEvent::Typing { peer: peer(), typing: true },
        TalkEvent::Presence(Person { online: false, ..bob() }),
        TalkEvent::Lost,
    ]
}

/// Tries every row that begins with these events, which have led to this talk.
fn every_row_from(row: &mut Vec<TalkEvent>, talk: &Rc<Talk>, law: &dyn Fn(&[TalkEvent], &Talk, &Talk)) {
    if row.len() == ROW {
        return;
    }
    for event in events() {
        row.push(event.clone());
        let next = talk.clone().reduce(event);
        law(row, talk, &next);
        every_row_from(row, &next, law);
        row.pop();
    }
}

fn every_row(law: impl Fn(&[TalkEvent], &Talk, &Talk)) {
    every_row_from(&mut Vec::new(), &Rc::new(Talk::new("ada".into())), &law);
}

/// By id, whether it was delivered and whether it was read.
fn marks(talk: &Talk) -> BTreeMap<u64, (bool, bool)> {
    let messages = talk.threads.get("bob").into_iter().flat_map(|thread| &thread.messages);
    messages.map(|message| (message.id, (message.delivered, message.read))).collect()
}

fn unread(talk: &Talk) -> u32 {
    talk.entries.get("bob").map_or(0, |entry| entry.unread)
}

#[test]
fn messages_are_there_once_in_order_and_what_is_known_of_them_never_gets_less() {
    every_row(|row, before, after| {
        let Some(thread) = after.threads.get("bob") else { return };
        assert!(thread.messages.is_sorted_by(|a, b| a.id < b.id), "{row:?}");
        let marks = (marks(before), marks(after));
        for (id, (delivered, read)) in marks.0 {
            let now = marks.1.get(&id).copied().unwrap_or_default();
            assert!(marks.1.contains_key(&id) && now.0 >= delivered && now.1 >= read, "{id}: {row:?}");
        }
        if let Some(newest) = thread.newest() {
            let last = after.entries.get("bob").and_then(|entry| entry.last.as_ref());
            assert!(last.is_some_and(|last| last.id >= newest.id), "the list is behind the thread: {row:?}");
        }
    });
}

#[test]
fn what_is_unread_grows_by_one_with_a_message_of_theirs_and_never_with_one_twice_or_of_mine() {
    every_row(|row, before, after| {
        let Some((event, earlier)) = row.split_last() else { return };
        let (old, new) = (unread(before), unread(after));
        match event {
            TalkEvent::Received(message) if message.from == "bob" && !earlier.contains(event) => {
                assert!(new == old || new == old + 1, "{row:?}");
            }
            TalkEvent::Seen { to, .. } => {
                let last = after.entries.get("bob").and_then(|entry| entry.last.as_ref());
                let is_all = last.is_none_or(|last| last.id <= *to);
                assert_eq!(new, if is_all { 0 } else { old }, "{row:?}");
            }
            // It knows best.
            TalkEvent::Conversations(_) => assert_eq!(new, 2, "{row:?}"),
            _ => assert_eq!(new, old, "{row:?}"),
        }
    });
}

#[test]
fn what_is_to_be_sent_stays_in_sight_until_it_has_arrived() {
    every_row(|row, _, after| {
        let brings_mine = |event: &TalkEvent| match event {
            TalkEvent::Received(message) | TalkEvent::Sent { message, .. } => message.key.is_some(),
            TalkEvent::OlderCame { messages, .. } | TalkEvent::NewerCame { messages, .. } => {
                messages.iter().any(|message| message.key.is_some())
            }
            _ => false,
        };
        let is_sending = |event: &TalkEvent| matches!(event, TalkEvent::Sending { .. });
        let last = row.iter().rev().find(|event| is_sending(event) || brings_mine(event));
        let outgoing: Vec<bool> = after
            .threads
            .get("bob")
            .into_iter()
            .flat_map(|thread| &thread.outgoing)
            .map(|one| one.failed)
            .collect();
        let waits = last.is_some_and(is_sending);
        assert_eq!(outgoing.len(), usize::from(waits), "{row:?}");
        if waits {
            let tried = |event: &&TalkEvent| is_sending(event) || matches!(event, TalkEvent::NotSent { .. });
            let has_failed = row.iter().rev().find(tried).is_some_and(|event| !is_sending(event));
            assert_eq!(outgoing, [has_failed], "{row:?}");
        }
    });
}

#[test]
fn nobody_types_who_is_away_or_whom_no_connection_reaches() {
    every_row(|row, _, after| {
        if let Some(TalkEvent::Lost | TalkEvent::Presence(_)) = row.last() {
            assert!(!after.entries.values().any(|entry| entry.typing), "{row:?}");
        }
    });
}
