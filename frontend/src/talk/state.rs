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
    /// The last message that was read, in whichever tab; 0: none was while the page is open.
    pub read_to: u64,
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
    /// How many connections were lost.
    pub losses: u32,
}

#[derive(Debug, Clone, PartialEq)]
pub enum TalkEvent {
    Conversations(Vec<Conversation>),
    People(Vec<Person>),
    /// Somebody to talk to, as a message names them.
    Met(Person),
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
    /// Everything that was said after this message, fetched when so many connections had been lost.
    NewerCame {
        peer: String,
        after: u64,
        losses: u32,
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
    /// The person has read what this peer said, up to this message; in this tab or in another.
    Seen {
        peer: String,
        to: u64,
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
            losses: 0,
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
            read_to: 0,
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

    pub(super) fn apply(&mut self, event: TalkEvent) {
        match event {
            TalkEvent::Conversations(conversations) => {
                for Conversation { person, last, unread } in conversations {
                    if person.uid == self.me {
                        continue;
                    }
                    let entry = self.meet(person);
                    if last.as_ref().map(|last| last.id) >= entry.last.as_ref().map(|last| last.id) {
                        entry.last = last;
                        entry.unread = unread;
                    } else {
                        // Something came while the list was on its way.
                        entry.unread = entry.unread.max(unread);
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
            TalkEvent::Met(person) => {
                if person.uid != self.me && !self.entries.contains_key(&person.uid) {
                    self.meet(person);
                }
            }
            TalkEvent::Listed => self.listing = Listing::Loaded,
            TalkEvent::NotListed if self.listing == Listing::Loading => self.listing = Listing::Failed,
            TalkEvent::NotListed => {}
            TalkEvent::Nobody(uid) => self.nobody.push(uid),
            TalkEvent::OlderAsked { peer } => self.thread_mut(&peer).older = Older::Loading,
            TalkEvent::OlderCame { peer, messages, is_last } => {
                let last = messages.last().map(|last| last.id);
                self.merge(&peer, messages);
                let thread = self.thread_mut(&peer);
                thread.whole_to = thread.whole_to.or(last);
                thread.older = if is_last { Older::None } else { Older::More };
                if let Some(newest) = thread.newest().cloned() {
                    self.note_last(&peer, &newest);
                }
            }
            TalkEvent::OlderFailed { peer } => self.thread_mut(&peer).older = Older::Failed,
            TalkEvent::NewerCame { peer, after, losses, messages } => {
                let newest = messages.last().cloned();
                if let Some(newest) = &newest {
                    self.note_last(&peer, newest);
                }
                let is_of_this_connection = losses == self.losses;
                let thread = self.thread_mut(&peer);
                if thread.whole_to >= Some(after) {
                    thread.whole_to = thread.whole_to.max(newest.map(|newest| newest.id));
                    thread.may_lack = thread.may_lack && !is_of_this_connection;
                }
                self.merge(&peer, messages);
            }
            TalkEvent::Received(message) => {
                let (peer, id) = (message.peer(&self.me).to_owned(), message.id);
                let is_theirs = message.from != self.me;
                let is_new = self.note_last(&peer, &message);
                // A thread that was never opened is fetched when it is.
                if let Some(thread) = self.threads.get_mut(&peer) {
                    if !thread.may_lack {
                        thread.whole_to = thread.whole_to.map(|whole| whole.max(message.id));
                    }
                    self.merge(&peer, vec![message]);
                }
                if let Some(entry) = self.entries.get_mut(&peer).filter(|_| is_new && is_theirs) {
                    entry.unread = entry.unread.saturating_add(u32::from(id > entry.read_to));
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
            TalkEvent::Seen { peer, to } => {
                if let Some(entry) = self.entries.get_mut(&peer) {
                    entry.read_to = entry.read_to.max(to);
                    // Else something has come that the other tab had not got yet.
                    if entry.last.as_ref().is_none_or(|last| last.id <= to) {
                        entry.unread = 0;
                    }
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
            TalkEvent::Lost => {
                self.losses += 1;
                self.entries.values_mut().for_each(|entry| entry.typing = false);
                self.threads.values_mut().for_each(|thread| thread.may_lack = true);
            }
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
