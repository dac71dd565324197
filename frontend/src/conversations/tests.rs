//! The list and its threads, event by event. `invariants` checks all sequences of events.

use super::people::NextPage;
use super::state::{Contact, ConversationEvent, ConversationStore, LoadState};
use super::thread::Older;
use super::thread::tests::message;
use crate::model::{Conversation, Message, Person};
use std::rc::Rc;

fn person(uid: &str) -> Person {
    Person { uid: uid.into(), name: uid.to_uppercase(), online: false }
}

fn after(events: impl IntoIterator<Item = ConversationEvent>) -> ConversationStore {
    let mut store = ConversationStore::new("ada".into());
    for event in events {
        store.apply(event);
    }
    store
}

fn conversation(uid: &str, id: u64, unread: u32) -> Conversation {
    let last = Message { from: uid.into(), to: "ada".into(), ..(*message(id, "bob")).clone() };
    Conversation { person: person(uid), last: Some(Rc::new(last)), unread }
}

fn conversations<const N: usize>(conversations: [Conversation; N]) -> ConversationEvent {
    ConversationEvent::Conversations { conversations: conversations.into(), has_more: false }
}

/// The first page of all people.
fn people(uids: &[&str], is_last: bool) -> ConversationEvent {
    let people = uids.iter().map(|uid| person(uid)).collect();
    ConversationEvent::PeopleFound { query: String::new(), page: 0, people, is_last }
}

fn received(id: u64) -> ConversationEvent {
    ConversationEvent::Received(message(id, "bob"))
}

#[test]
fn conversations_are_by_date_and_others_by_name() {
    let store = after([
        people(&["zoe", "eve", "ada"], true),
        conversations([conversation("bob", 1, 0), conversation("cid", 5, 0)]),
        ConversationEvent::Received(Rc::new(Message { id: 9, ..(*message(9, "bob")).clone() })),
    ]);
    let uids = |contacts: Vec<&Contact>| -> Vec<String> {
        contacts.iter().map(|contact| contact.person.uid.clone()).collect()
    };
    assert_eq!(uids(store.conversations()), ["bob", "cid"]);
    assert_eq!(uids(store.others()), ["eve", "zoe"], "the user is not in their own list");
}

#[test]
fn received_message_is_unread_once_own_one_never() {
    let store =
        after([received(1), received(2), received(2), ConversationEvent::Received(message(3, "ada"))]);
    assert_eq!(store.unread(), 2);
    assert_eq!(store.contacts["bob"].last.as_ref().map(|last| last.id), Some(3));
    let mut store = store;
    store.apply(ConversationEvent::MarkedRead { peer: "bob".into(), to: 3 });
    assert_eq!(store.unread(), 0);
}

#[test]
fn another_tab_marks_read_up_to_its_last_message() {
    let seen = |to| ConversationEvent::MarkedRead { peer: "bob".into(), to };
    assert_eq!(after([received(1), seen(2), received(2)]).unread(), 0);
    assert_eq!(after([received(1), received(2), seen(1)]).unread(), 2);
    assert_eq!(after([received(1), seen(1), received(2)]).unread(), 1);
}

#[test]
fn reconnect_fills_the_gap_without_duplicates() {
    let store = after([
        ConversationEvent::OlderLoaded {
            peer: "bob".into(),
            messages: vec![message(1, "bob")],
            is_last: true,
        },
        received(4),
        ConversationEvent::NewerLoaded {
            peer: "bob".into(),
            after: Some(1),
            disconnects: 0,
            messages: [2, 3, 4].map(|id| message(id, "bob")).into(),
        },
        conversations([conversation("bob", 4, 3)]),
    ]);
    let ids: Vec<u64> = store.threads["bob"].messages.iter().map(|message| message.id).collect();
    assert_eq!(ids, [1, 2, 3, 4]);
    assert_eq!(store.unread(), 3, "CometChat's count wins");
}

#[test]
fn older_list_keeps_the_newer_last_message() {
    let store = after([received(7), conversations([conversation("bob", 6, 0)])]);
    assert_eq!(store.contacts["bob"].last.as_ref().map(|last| last.id), Some(7));
}

#[test]
fn paging_ends_at_the_first_message() {
    let page = |is_last| ConversationEvent::OlderLoaded {
        peer: "bob".into(),
        messages: vec![message(if is_last { 1 } else { 2 }, "bob")],
        is_last,
    };
    let requested = || ConversationEvent::OlderRequested { peer: "bob".into() };
    assert_eq!(after([requested()]).threads["bob"].older, Older::Loading);
    assert_eq!(after([requested(), page(false)]).threads["bob"].older, Older::More);
    assert_eq!(after([requested(), page(false), requested(), page(true)]).threads["bob"].older, Older::None);
    let failed = ConversationEvent::OlderFailed { peer: "bob".into() };
    assert_eq!(after([requested(), failed]).threads["bob"].older, Older::Failed);
}

#[test]
fn message_offline_or_disconnect_ends_typing() {
    let typing = || ConversationEvent::Typing { peer: "bob".into(), typing: true };
    let offline = ConversationEvent::Presence(person("bob"));
    for end in [received(2), offline, ConversationEvent::Disconnected] {
        let mut store = after([received(1), typing()]);
        assert!(store.contacts["bob"].typing);
        store.apply(end);
        assert!(!store.contacts["bob"].typing);
    }
}

#[test]
fn presence_adds_new_users_and_renames_known_ones() {
    let online = |uid: &str| ConversationEvent::Presence(Person { online: true, ..person(uid) });
    let store = after([ConversationEvent::UserNotFound("bob".into()), online("bob"), online("ada")]);
    assert_eq!(store.others().len(), 1, "the user is not in their own list");
    assert!(store.contacts["bob"].person.online && store.not_found.is_empty());
    let renamed = Person { uid: "bob".into(), name: "Robert".into(), online: false };
    let store = after([
        online("bob"),
        ConversationEvent::Presence(renamed),
        ConversationEvent::Presence(person("zoe")),
    ]);
    assert_eq!(store.others().len(), 1, "an unknown user who goes offline is not added");
    assert_eq!(store.contacts["bob"].person.name, "Robert");

    // Until all pages are here, a new user comes with one of them.
    assert_eq!(after([people(&["cid"], false), online("bob")]).others().len(), 1);
    assert_eq!(after([people(&["cid"], true), online("bob")]).others().len(), 2);
}

#[test]
fn search_keeps_its_people_until_the_next_search() {
    let found = |query: &str, uid: &str| ConversationEvent::PeopleFound {
        query: query.into(),
        page: 0,
        people: vec![person(uid)],
        is_last: true,
    };
    let requested = |query: &str| ConversationEvent::PeopleRequested { query: query.into(), page: 0 };
    let store = after([people(&["zoe"], true), requested("bo"), found("bo", "bob"), requested("ci")]);
    assert_eq!(store.people.keys().collect::<Vec<_>>(), ["", "ci"]);
    assert_eq!(store.people["ci"].next, NextPage::Loading);
    assert_eq!(store.others().len(), 2, "people who were found stay listed");

    let failed = |query: &str| ConversationEvent::PeopleFailed { query: query.into() };
    let late = after([requested("bo"), requested("ci"), found("bo", "bob"), failed("bo")]);
    assert_eq!(late.people.keys().collect::<Vec<_>>(), ["ci"], "a late result does not repeat its search");
    assert_eq!(late.others().len(), 1);
}

#[test]
fn sent_message_becomes_the_last_message() {
    let sending = ConversationEvent::Sending { peer: "bob".into(), key: "k".into(), text: "t".into(), at: 1 };
    let sent = Rc::new(Message { key: Some("k".into()), ..(*message(5, "ada")).clone() });
    let store = after([received(1), sending, ConversationEvent::Sent { peer: "bob".into(), message: sent }]);
    let thread = &store.threads["bob"];
    assert!(thread.outgoing.is_empty());
    assert_eq!(thread.newest().map(|message| message.id), Some(5));
    assert_eq!(store.contacts["bob"].last.as_ref().map(|last| last.id), Some(5));
}

#[test]
fn list_stays_visible_when_a_later_fetch_fails() {
    assert_eq!(after([ConversationEvent::ListFailed]).load_state, LoadState::Failed);
    assert_eq!(
        after([ConversationEvent::ListLoaded, ConversationEvent::ListFailed]).load_state,
        LoadState::Loaded
    );
}

fn page(ids: impl IntoIterator<Item = u64>) -> ConversationEvent {
    let messages = ids.into_iter().map(|id| message(id, "bob")).collect();
    ConversationEvent::OlderLoaded { peer: "bob".into(), messages, is_last: true }
}

fn newer(after: u64, disconnects: u32, ids: impl IntoIterator<Item = u64>) -> ConversationEvent {
    let messages = ids.into_iter().map(|id| message(id, "bob")).collect();
    ConversationEvent::NewerLoaded { peer: "bob".into(), after: Some(after), disconnects, messages }
}

#[test]
fn message_after_reconnect_does_not_hide_a_gap() {
    let complete_up_to = |store: &ConversationStore| store.threads["bob"].complete_up_to;
    let sent = || ConversationEvent::Sent { peer: "bob".into(), message: message(6, "ada") };
    let lost = after([page([4]), received(5), ConversationEvent::Disconnected, received(8)]);
    assert_eq!(complete_up_to(&lost), Some(5), "6 and 7 may be missing");
    assert_eq!(complete_up_to(&after([page([4]), sent()])), Some(4), "5 may be before it");

    let mut store = lost;
    store.apply(newer(5, 1, [6, 7, 8]));
    store.apply(received(9));
    assert_eq!(complete_up_to(&store), Some(9));

    let late = after([
        page([4]),
        ConversationEvent::Disconnected,
        ConversationEvent::Disconnected,
        newer(4, 1, [5]),
        received(7),
    ]);
    assert_eq!(complete_up_to(&late), Some(5), "it was requested before the last disconnect");
    let elsewhere = after([page([4]), ConversationEvent::Disconnected, newer(9, 1, [10])]);
    assert_eq!(complete_up_to(&elsewhere), Some(4), "the messages between are missing");
}

#[test]
fn message_names_an_unknown_sender_only() {
    let store = after([
        ConversationEvent::ContactSeen(person("bob")),
        received(1),
        ConversationEvent::ContactSeen(person("ada")),
    ]);
    assert_eq!((store.contacts["bob"].person.name.as_str(), store.contacts.len()), ("BOB", 1));
    let stale = Person { name: "old".into(), ..person("bob") };
    assert_eq!(
        after([ConversationEvent::PersonFound(person("bob")), ConversationEvent::ContactSeen(stale)])
            .contacts["bob"]
            .person,
        person("bob")
    );
}

#[test]
fn older_list_keeps_the_higher_unread_count() {
    let store = after([
        ConversationEvent::PersonFound(person("bob")),
        received(7),
        conversations([conversation("bob", 6, 0)]),
    ]);
    assert_eq!(store.unread(), 1);
}
