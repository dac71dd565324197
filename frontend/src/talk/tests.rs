//! The list and its threads, event by event; what holds after any row of events is in `properties`.

use super::thread::tests::message;
use super::*;
use std::rc::Rc;

fn person(uid: &str) -> Person {
    Person { uid: uid.into(), name: uid.to_uppercase(), online: false }
}

fn after(events: impl IntoIterator<Item = TalkEvent>) -> Talk {
    let mut talk = Talk::new("ada".into());
    for event in events {
        talk.apply(event);
    }
    talk
}

fn conversation(uid: &str, id: u64, unread: u32) -> Conversation {
    let last = Message { from: uid.into(), to: "ada".into(), ..(*message(id, "bob")).clone() };
    Conversation { person: person(uid), last: Some(Rc::new(last)), unread }
}

fn received(id: u64) -> TalkEvent {
    TalkEvent::Received(message(id, "bob"))
}

#[test]
fn the_latest_conversation_is_first_and_people_without_one_are_by_name() {
    let talk = after([
        TalkEvent::People(vec![person("zoe"), person("eve"), person("ada")]),
        TalkEvent::Conversations(vec![conversation("bob", 1, 0), conversation("cid", 5, 0)]),
        TalkEvent::Received(Rc::new(Message { id: 9, ..(*message(9, "bob")).clone() })),
    ]);
    let uids = |entries: Vec<&Entry>| -> Vec<String> {
        entries.iter().map(|entry| entry.person.uid.clone()).collect()
    };
    assert_eq!(uids(talk.conversations()), ["bob", "cid"]);
    assert_eq!(uids(talk.others()), ["eve", "zoe"], "and I am not among them");
}

#[test]
fn what_comes_in_is_unread_once_and_what_i_say_elsewhere_is_not() {
    let talk = after([received(1), received(2), received(2), TalkEvent::Received(message(3, "ada"))]);
    assert_eq!(talk.unread(), 2);
    assert_eq!(talk.entries["bob"].last.as_ref().map(|last| last.id), Some(3));
    let mut talk = talk;
    talk.apply(TalkEvent::Seen { peer: "bob".into(), to: 3 });
    assert_eq!(talk.unread(), 0);
}

#[test]
fn what_another_tab_has_read_is_read_also_where_it_comes_later_and_what_it_has_not_is_not() {
    let seen = |to| TalkEvent::Seen { peer: "bob".into(), to };
    assert_eq!(after([received(1), seen(2), received(2)]).unread(), 0);
    assert_eq!(after([received(1), received(2), seen(1)]).unread(), 2);
    assert_eq!(after([received(1), seen(1), received(2)]).unread(), 1);
}

#[test]
fn a_reconnect_brings_the_gap_and_nothing_twice() {
    let talk = after([
        TalkEvent::OlderCame { peer: "bob".into(), messages: vec![message(1, "bob")], is_last: true },
        received(4),
        TalkEvent::NewerCame {
            peer: "bob".into(),
            after: 1,
            losses: 0,
            messages: [2, 3, 4].map(|id| message(id, "bob")).into(),
        },
        TalkEvent::Conversations(vec![conversation("bob", 4, 3)]),
    ]);
    let ids: Vec<u64> = talk.threads["bob"].messages.iter().map(|message| message.id).collect();
    assert_eq!(ids, [1, 2, 3, 4]);
    assert_eq!(talk.unread(), 3, "CometChat knows best how many");
}

#[test]
fn a_list_that_is_older_than_what_came_in_does_not_take_it_back() {
    let talk = after([received(7), TalkEvent::Conversations(vec![conversation("bob", 6, 0)])]);
    assert_eq!(talk.entries["bob"].last.as_ref().map(|last| last.id), Some(7));
}

#[test]
fn paging_ends_when_there_is_no_more() {
    let page = |is_last| TalkEvent::OlderCame {
        peer: "bob".into(),
        messages: vec![message(if is_last { 1 } else { 2 }, "bob")],
        is_last,
    };
    let asked = || TalkEvent::OlderAsked { peer: "bob".into() };
    assert_eq!(after([asked()]).threads["bob"].older, Older::Loading);
    assert_eq!(after([asked(), page(false)]).threads["bob"].older, Older::More);
    assert_eq!(after([asked(), page(false), asked(), page(true)]).threads["bob"].older, Older::None);
    let failed = TalkEvent::OlderFailed { peer: "bob".into() };
    assert_eq!(after([asked(), failed]).threads["bob"].older, Older::Failed);
}

#[test]
fn typing_ends_with_the_message_with_going_offline_and_with_the_connection() {
    let typing = || TalkEvent::Typing { peer: "bob".into(), typing: true };
    let offline = TalkEvent::Presence(person("bob"));
    for end in [received(2), offline, TalkEvent::Lost] {
        let mut talk = after([received(1), typing()]);
        assert!(talk.entries["bob"].typing);
        talk.apply(end);
        assert!(!talk.entries["bob"].typing);
    }
}

#[test]
fn who_comes_and_is_new_is_listed_where_all_are_and_who_is_known_has_the_name_of_today() {
    let comes = |uid: &str| TalkEvent::Presence(Person { online: true, ..person(uid) });
    let talk = after([TalkEvent::Nobody("bob".into()), comes("bob"), comes("ada")]);
    assert_eq!(talk.others().len(), 1, "and I am not among them");
    assert!(talk.entries["bob"].person.online && talk.nobody.is_empty());
    let renamed = Person { uid: "bob".into(), name: "Robert".into(), online: false };
    let talk = after([comes("bob"), TalkEvent::Presence(renamed), TalkEvent::Presence(person("zoe"))]);
    assert_eq!(talk.others().len(), 1, "who goes was nobody to talk to");
    assert_eq!(talk.entries["bob"].person.name, "Robert");

    let all = (0..PEOPLE).map(|number| person(&number.to_string())).collect();
    let talk = after([TalkEvent::People(all), comes("bob")]);
    assert_eq!(talk.others().len(), PEOPLE as usize);
}

#[test]
fn what_is_sent_becomes_a_message_and_the_last_word() {
    let sending = TalkEvent::Sending { peer: "bob".into(), key: "k".into(), text: "t".into(), at: 1 };
    let sent = Rc::new(Message { key: Some("k".into()), ..(*message(5, "ada")).clone() });
    let talk = after([received(1), sending, TalkEvent::Sent { peer: "bob".into(), message: sent }]);
    let thread = &talk.threads["bob"];
    assert!(thread.outgoing.is_empty());
    assert_eq!(thread.newest().map(|message| message.id), Some(5));
    assert_eq!(talk.entries["bob"].last.as_ref().map(|last| last.id), Some(5));
}

#[test]
fn a_list_that_fails_to_come_again_stays_in_sight() {
    assert_eq!(after([TalkEvent::NotListed]).listing, Listing::Failed);
    assert_eq!(after([TalkEvent::Listed, TalkEvent::NotListed]).listing, Listing::Loaded);
}

fn page(ids: impl IntoIterator<Item = u64>) -> TalkEvent {
    let messages = ids.into_iter().map(|id| message(id, "bob")).collect();
    TalkEvent::OlderCame { peer: "bob".into(), messages, is_last: true }
}

fn newer(after: u64, losses: u32, ids: impl IntoIterator<Item = u64>) -> TalkEvent {
    let messages = ids.into_iter().map(|id| message(id, "bob")).collect();
    TalkEvent::NewerCame { peer: "bob".into(), after, losses, messages }
}

#[test]
fn what_comes_after_a_lost_connection_does_not_hide_what_was_missed_before_it() {
    let whole_to = |talk: &Talk| talk.threads["bob"].whole_to;
    let sent = || TalkEvent::Sent { peer: "bob".into(), message: message(6, "ada") };
    let lost = after([page([4]), received(5), TalkEvent::Lost, received(8)]);
    assert_eq!(whole_to(&lost), Some(5), "6 and 7 may be missing");
    assert_eq!(whole_to(&after([page([4]), sent()])), Some(4), "nobody has said that 5 was not before it");

    let mut talk = lost;
    talk.apply(newer(5, 1, [6, 7, 8]));
    talk.apply(received(9));
    assert_eq!(whole_to(&talk), Some(9));

    let late = after([page([4]), TalkEvent::Lost, TalkEvent::Lost, newer(4, 1, [5]), received(7)]);
    assert_eq!(whole_to(&late), Some(5), "it was asked before the last loss");
    let elsewhere = after([page([4]), TalkEvent::Lost, newer(9, 1, [10])]);
    assert_eq!(whole_to(&elsewhere), Some(4), "what is between is not there");
}

#[test]
fn whoever_writes_has_the_name_that_the_message_gives_and_who_is_known_keeps_theirs() {
    let talk = after([TalkEvent::Met(person("bob")), received(1), TalkEvent::Met(person("ada"))]);
    assert_eq!((talk.entries["bob"].person.name.as_str(), talk.entries.len()), ("BOB", 1));
    let stale = Person { name: "old".into(), ..person("bob") };
    assert_eq!(
        after([TalkEvent::People(vec![person("bob")]), TalkEvent::Met(stale)]).entries["bob"].person,
        person("bob")
    );
}

#[test]
fn a_list_that_was_on_its_way_takes_no_unread_message_back() {
    let talk = after([
        TalkEvent::People(vec![person("bob")]),
        received(7),
        TalkEvent::Conversations(vec![conversation("bob", 6, 0)]),
    ]);
    assert_eq!(talk.unread(), 1);
}
