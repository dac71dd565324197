//! Everybody there is to talk to, and what was said, as a state machine.

use super::{Conversation, Message, Older, PEOPLE, Person, Thread};
use std::collections::BTreeMap;
use std::rc::Rc;
use yew::Reducible;

/// Somebody, as the list shows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub person: Person,
    pub last: Option<Rc<Message>>,
    pub unread: u32,
    pub typing: bool,
}

/// How far the list has got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listing {
    Loading,
    Loaded,
    Failed,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Talk {
    pub me: String,
    pub listing: Listing,
    pub entries: BTreeMap<String, Entry>,
    pub threads: BTreeMap<String, Thread>,
    /// Uids that CometChat does not know.
    pub nobody: Vec<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum TalkEvent {
    Conversations(Vec<Conversation>),
    People(Vec<Person>),
    Listed,
    NotListed,
    Nobody(String),
    OlderAsked {
        peer: String,
    },
    /// A page before the first message; an empty one says that there is no more.
    OlderCame {
        peer: String,
        messages: Vec<Rc<Message>>,
        is_last: bool,
    },
    OlderFailed {
        peer: String,
    },
    /// What was said after the last message that was known.
    NewerCame {
        peer: String,
        messages: Vec<Rc<Message>>,
    },
    /// Live: from somebody, or from another tab of mine.
    Received(Rc<Message>),
    Sending {
        peer: String,
        key: String,
        text: String,
        at: i64,
    },
    Sent {
        peer: String,
        message: Rc<Message>,
    },
    NotSent {
        peer: String,
        key: String,
    },
    /// The person has read all that this peer said.
    Seen {
        peer: String,
    },
    Typing {
        peer: String,
        typing: bool,
    },
    Presence(Person),
    Receipt {
        peer: String,
        id: u64,
        read: bool,
    },
    /// The connection is gone: nobody knows any more who types.
    Lost,
}

impl Talk {
    pub fn new(me: String) -> Self {
        Self {
            me,
            listing: Listing::Loading,
            entries: BTreeMap::new(),
            threads: BTreeMap::new(),
            nobody: Vec::new(),
        }
    }

    /// Those with whom something was said, the latest first.
    pub fn conversations(&self) -> Vec<&Entry> {
        let mut talks: Vec<&Entry> = self.entries.values().filter(|entry| entry.last.is_some()).collect();
        talks.sort_by_key(|entry| std::cmp::Reverse(entry.last.as_ref().map(|last| last.id)));
        talks
    }

    /// Those with whom nothing was said yet, by name.
    pub fn others(&self) -> Vec<&Entry> {
        let mut others: Vec<&Entry> = self.entries.values().filter(|entry| entry.last.is_none()).collect();
        others.sort_by_key(|entry| entry.person.name.to_lowercase());
        others
    }

    pub fn unread(&self) -> u32 {
        self.entries.values().map(|entry| entry.unread).sum()
    }

    pub fn thread(&self, peer: &str) -> Option<&Thread> {
        self.threads.get(peer)
    }

    fn meet(&mut self, person: Person) -> &mut Entry {
        let entry = self.entries.entry(person.uid.clone()).or_insert_with(|| Entry {
            person: person.clone(),
            last: None,
            unread: 0,
            typing: false,
        });
        entry.person = person;
        entry
    }

    fn thread_mut(&mut self, peer: &str) -> &mut Thread {
        self.threads.entry(peer.to_owned()).or_default()
    }

    /// The list shows the newest message of each thread. Says whether this one is it.
    fn note_last(&mut self, peer: &str, message: &Rc<Message>) -> bool {
        let entry = match self.entries.get_mut(peer) {
            Some(entry) => entry,
            // Somebody who wrote before they were listed.
            None => self.meet(Person { uid: peer.into(), name: peer.into(), online: true }),
        };
        let is_newer = entry.last.as_ref().is_none_or(|last| last.id < message.id);
        if is_newer {
            entry.last = Some(message.clone());
        }
        is_newer
    }

    fn merge(&mut self, peer: &str, messages: Vec<Rc<Message>>) {
        let me = self.me.clone();
        self.thread_mut(peer).merge(&me, messages);
    }

    fn apply(&mut self, event: TalkEvent) {
        match event {
            TalkEvent::Conversations(conversations) => {
                for Conversation { person, last, unread } in conversations {
                    if person.uid == self.me {
                        continue;
                    }
                    let entry = self.meet(person);
                    entry.unread = unread;
                    if last.as_ref().map(|last| last.id) >= entry.last.as_ref().map(|last| last.id) {
                        entry.last = last;
                    }
                }
            }
            TalkEvent::People(people) => {
                for person in people {
                    if person.uid == self.me {
                        continue;
                    }
                    self.nobody.retain(|uid| *uid != person.uid);
                    self.meet(person);
                }
            }
            TalkEvent::Listed => self.listing = Listing::Loaded,
            TalkEvent::NotListed if self.listing == Listing::Loading => self.listing = Listing::Failed,
            TalkEvent::NotListed => {}
            TalkEvent::Nobody(uid) => self.nobody.push(uid),
            TalkEvent::OlderAsked { peer } => self.thread_mut(&peer).older = Older::Loading,
            TalkEvent::OlderCame { peer, messages, is_last } => {
                self.merge(&peer, messages);
                let thread = self.thread_mut(&peer);
                thread.older = if is_last { Older::None } else { Older::More };
                if let Some(newest) = thread.newest().cloned() {
                    self.note_last(&peer, &newest);
                }
            }
            TalkEvent::OlderFailed { peer } => self.thread_mut(&peer).older = Older::Failed,
            TalkEvent::NewerCame { peer, messages } => {
                if let Some(newest) = messages.last().cloned() {
                    self.note_last(&peer, &newest);
                }
                self.merge(&peer, messages);
            }
            TalkEvent::Received(message) => {
                let peer = message.peer(&self.me).to_owned();
                let is_theirs = message.from != self.me;
                let is_new = self.note_last(&peer, &message);
                // A thread that was never opened is fetched when it is.
                if self.threads.contains_key(&peer) {
                    self.merge(&peer, vec![message]);
                }
                if let Some(entry) = self.entries.get_mut(&peer).filter(|_| is_new && is_theirs) {
                    entry.unread = entry.unread.saturating_add(1);
                    entry.typing = false;
                    entry.person.online = true;
                }
            }
            TalkEvent::Sending { peer, key, text, at } => self.thread_mut(&peer).sending(key, text, at),
            TalkEvent::Sent { peer, message } => {
                self.note_last(&peer, &message);
                self.merge(&peer, vec![message]);
            }
            TalkEvent::NotSent { peer, key } => self.thread_mut(&peer).not_sent(&key),
            TalkEvent::Seen { peer } => {
                if let Some(entry) = self.entries.get_mut(&peer) {
                    entry.unread = 0;
                }
            }
            TalkEvent::Typing { peer, typing } => {
                if let Some(entry) = self.entries.get_mut(&peer) {
                    entry.typing = typing;
                }
            }
            TalkEvent::Presence(person) => {
                if let Some(entry) = self.entries.get_mut(&person.uid) {
                    entry.typing &= person.online;
                    entry.person = person;
                } else if person.online && person.uid != self.me && self.entries.len() < PEOPLE as usize {
                    // Somebody new. Where there are more people than are listed, they are found like the others.
                    self.apply(TalkEvent::People(vec![person]));
                }
            }
            TalkEvent::Receipt { peer, id, read } => {
                let me = self.me.clone();
                self.thread_mut(&peer).receipt(&me, id, read);
            }
            TalkEvent::Lost => self.entries.values_mut().for_each(|entry| entry.typing = false),
        }
    }
}

impl Reducible for Talk {
    type Action = TalkEvent;

    fn reduce(self: Rc<Self>, event: TalkEvent) -> Rc<Self> {
        let mut next = (*self).clone();
        next.apply(event);
        if *self == next { self } else { Rc::new(next) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::thread::tests::message;
    use super::*;

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
        talk.apply(TalkEvent::Seen { peer: "bob".into() });
        assert_eq!(talk.unread(), 0);
    }

    #[test]
    fn a_reconnect_brings_the_gap_and_nothing_twice() {
        let talk = after([
            TalkEvent::OlderCame { peer: "bob".into(), messages: vec![message(1, "bob")], is_last: true },
            received(4),
            TalkEvent::NewerCame {
                peer: "bob".into(),
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
}
