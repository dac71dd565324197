//! The state machine of the people list and all conversations.

use super::people::{NextPage, PeoplePages};
use super::thread::{Older, Thread};
use crate::model::{Conversation, Message, Person};
use std::collections::BTreeMap;
use std::rc::Rc;
use yew::Reducible;

/// A person as the list shows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    pub person: Person,
    pub last: Option<Rc<Message>>,
    pub unread: u32,
    /// The last message that was read in any tab since the page was opened.
    pub read_to: Option<u64>,
    pub typing: bool,
}

/// Whether the list has been fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoadState {
    Loading,
    Loaded,
    Failed,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversationStore {
    pub me: String,
    pub load_state: LoadState,
    pub contacts: BTreeMap<String, Contact>,
    pub threads: BTreeMap<String, Thread>,
    /// The people fetched so far, of all and of the last search, by query.
    pub people: BTreeMap<String, PeoplePages>,
    /// Conversations that are too old to be listed are missing.
    pub has_more_conversations: bool,
    /// Uids that CometChat does not know.
    pub not_found: Vec<String>,
    /// How many times the connection was lost.
    pub disconnects: u32,
}

#[derive(Debug, Clone, PartialEq)]
pub enum ConversationEvent {
    Conversations {
        conversations: Vec<Conversation>,
        has_more: bool,
    },
    PeopleRequested {
        query: String,
        page: u32,
    },
    /// A page of the people that the query finds.
    PeopleFound {
        query: String,
        page: u32,
        people: Vec<Person>,
        is_last: bool,
    },
    PeopleFailed {
        query: String,
    },
    PersonFound(Person),
    /// A message named its sender or receiver.
    ContactSeen(Person),
    ListLoaded,
    ListFailed,
    UserNotFound(String),
    OlderRequested {
        peer: String,
    },
    /// A page before the first message. `is_last`: there are no more before it.
    OlderLoaded {
        peer: String,
        messages: Vec<Rc<Message>>,
        is_last: bool,
    },
    OlderFailed {
        peer: String,
    },
    /// All messages after `after`, or the last page without it, requested when the connection had been lost `disconnects` times.
    NewerLoaded {
        peer: String,
        after: Option<u64>,
        disconnects: u32,
        messages: Vec<Rc<Message>>,
    },
    /// A message arrived on the socket: from another user, or from this user in another tab.
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
    SendFailed {
        peer: String,
        key: String,
    },
    /// The user has read the peer's messages up to this one, in this tab or another.
    MarkedRead {
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
    /// The connection was lost, so it is unknown who is typing.
    Disconnected,
}

impl ConversationStore {
    pub fn new(me: String) -> Self {
        Self {
            me,
            load_state: LoadState::Loading,
            contacts: BTreeMap::new(),
            threads: BTreeMap::new(),
            people: BTreeMap::new(),
            has_more_conversations: false,
            not_found: Vec::new(),
            disconnects: 0,
        }
    }

    /// Returns the contacts with messages, the latest first.
    pub fn conversations(&self) -> Vec<&Contact> {
        let mut contacts: Vec<&Contact> =
            self.contacts.values().filter(|contact| contact.last.is_some()).collect();
        contacts.sort_by_key(|contact| std::cmp::Reverse(contact.last.as_ref().map(|last| last.id)));
        contacts
    }

    /// Returns the contacts without messages, by name.
    pub fn others(&self) -> Vec<&Contact> {
        let mut others: Vec<&Contact> =
            self.contacts.values().filter(|contact| contact.last.is_none()).collect();
        others.sort_by_key(|contact| contact.person.name.to_lowercase());
        others
    }

    pub fn unread(&self) -> u32 {
        self.contacts.values().map(|contact| contact.unread).sum()
    }

    pub fn thread(&self, peer: &str) -> Option<&Thread> {
        self.threads.get(peer)
    }

    fn upsert_contact(&mut self, person: Person) -> &mut Contact {
        let contact = self.contacts.entry(person.uid.clone()).or_insert_with(|| Contact {
            person: person.clone(),
            last: None,
            unread: 0,
            read_to: None,
            typing: false,
        });
        contact.person = person;
        contact
    }

    /// Returns whether no page of people is missing. One who is not listed yet comes with a missing page.
    fn has_all_people(&self) -> bool {
        self.people.get("").is_none_or(|all| all.next == NextPage::None)
    }

    /// Returns the pages of this query, or `None` if another search has replaced it.
    fn people_mut(&mut self, query: &str) -> Option<&mut PeoplePages> {
        if query.is_empty() {
            return Some(self.people.entry(String::new()).or_default());
        }
        self.people.get_mut(query)
    }

    /// Lists a person who is at CometChat.
    fn add_person(&mut self, person: Person) {
        if person.uid != self.me {
            self.not_found.retain(|uid| *uid != person.uid);
            self.upsert_contact(person);
        }
    }

    fn thread_mut(&mut self, peer: &str) -> &mut Thread {
        self.threads.entry(peer.to_owned()).or_default()
    }

    /// Shows the message in the list if it is the newest of its thread, and returns whether it is.
    fn update_last(&mut self, peer: &str, message: &Rc<Message>) -> bool {
        let contact = match self.contacts.get_mut(peer) {
            Some(contact) => contact,
            // The sender is not in the list yet.
            None => self.upsert_contact(Person { uid: peer.into(), name: peer.into(), online: true }),
        };
        let is_newer = contact.last.as_ref().is_none_or(|last| last.id < message.id);
        if is_newer {
            contact.last = Some(message.clone());
        }
        is_newer
    }

    fn merge(&mut self, peer: &str, messages: Vec<Rc<Message>>) {
        let me = self.me.clone();
        self.thread_mut(peer).merge(&me, messages);
    }

    pub(super) fn apply(&mut self, event: ConversationEvent) {
        match event {
            ConversationEvent::Conversations { conversations, has_more } => {
                self.has_more_conversations = has_more;
                for Conversation { person, last, unread } in conversations {
                    if person.uid == self.me {
                        continue;
                    }
                    let contact = self.upsert_contact(person);
                    if last.as_ref().map(|last| last.id) >= contact.last.as_ref().map(|last| last.id) {
                        contact.last = last;
                        contact.unread = unread;
                    } else {
                        // A message arrived after CometChat made the list.
                        contact.unread = contact.unread.max(unread);
                    }
                }
            }
            ConversationEvent::PeopleRequested { query, page } => {
                // The first page begins a new search.
                self.people.retain(|kept, _| kept.is_empty() || (*kept == query && page > 0));
                self.people.entry(query).or_default().next = NextPage::Loading;
            }
            ConversationEvent::PeopleFound { query, page, people, is_last } => {
                let uids = people.iter().map(|person| person.uid.clone());
                if let Some(pages) = self.people_mut(&query) {
                    pages.add(page, uids, is_last);
                }
                people.into_iter().for_each(|person| self.add_person(person));
            }
            ConversationEvent::PeopleFailed { query } => {
                if let Some(pages) = self.people_mut(&query).filter(|pages| pages.next != NextPage::None) {
                    pages.next = NextPage::Failed;
                }
            }
            ConversationEvent::PersonFound(person) => self.add_person(person),
            ConversationEvent::ContactSeen(person) => {
                if person.uid != self.me && !self.contacts.contains_key(&person.uid) {
                    self.upsert_contact(person);
                }
            }
            ConversationEvent::ListLoaded => self.load_state = LoadState::Loaded,
            ConversationEvent::ListFailed if self.load_state == LoadState::Loading => {
                self.load_state = LoadState::Failed
            }
            ConversationEvent::ListFailed => {}
            ConversationEvent::UserNotFound(uid) => self.not_found.push(uid),
            ConversationEvent::OlderRequested { peer } => self.thread_mut(&peer).older = Older::Loading,
            ConversationEvent::OlderLoaded { peer, messages, is_last } => {
                let last = messages.last().map(|last| last.id);
                self.merge(&peer, messages);
                let thread = self.thread_mut(&peer);
                thread.complete_up_to = thread.complete_up_to.or(last);
                thread.older = if is_last { Older::None } else { Older::More };
                if let Some(newest) = thread.newest().cloned() {
                    self.update_last(&peer, &newest);
                }
            }
            ConversationEvent::OlderFailed { peer } => self.thread_mut(&peer).older = Older::Failed,
            ConversationEvent::NewerLoaded { peer, after, disconnects, messages } => {
                let newest = messages.last().cloned();
                if let Some(newest) = &newest {
                    self.update_last(&peer, newest);
                }
                let is_of_this_connection = disconnects == self.disconnects;
                let thread = self.thread_mut(&peer);
                if after.is_some_and(|after| thread.complete_up_to >= Some(after)) {
                    thread.complete_up_to = thread.complete_up_to.max(newest.map(|newest| newest.id));
                    thread.has_gap = thread.has_gap && !is_of_this_connection;
                }
                self.merge(&peer, messages);
            }
            ConversationEvent::Received(message) => {
                let (peer, id) = (message.peer(&self.me).to_owned(), message.id);
                let is_theirs = message.from != self.me;
                let is_new = self.update_last(&peer, &message);
                // Other threads are fetched when the user opens them.
                if let Some(thread) = self.threads.get_mut(&peer) {
                    if !thread.has_gap {
                        thread.complete_up_to = thread.complete_up_to.map(|id| id.max(message.id));
                    }
                    self.merge(&peer, vec![message]);
                }
                if let Some(contact) = self.contacts.get_mut(&peer).filter(|_| is_new && is_theirs) {
                    contact.unread = contact.unread.saturating_add(u32::from(Some(id) > contact.read_to));
                    contact.typing = false;
                    contact.person.online = true;
                }
            }
            ConversationEvent::Sending { peer, key, text, at } => {
                self.thread_mut(&peer).sending(key, text, at)
            }
            ConversationEvent::Sent { peer, message } => {
                self.update_last(&peer, &message);
                self.merge(&peer, vec![message]);
            }
            ConversationEvent::SendFailed { peer, key } => self.thread_mut(&peer).send_failed(&key),
            ConversationEvent::MarkedRead { peer, to } => {
                if let Some(contact) = self.contacts.get_mut(&peer) {
                    contact.read_to = contact.read_to.max(Some(to));
                    // Otherwise the other tab has not received the last message yet.
                    if contact.last.as_ref().is_none_or(|last| last.id <= to) {
                        contact.unread = 0;
                    }
                }
            }
            ConversationEvent::Typing { peer, typing } => {
                if let Some(contact) = self.contacts.get_mut(&peer) {
                    contact.typing = typing;
                }
            }
            ConversationEvent::Presence(person) => {
                if let Some(contact) = self.contacts.get_mut(&person.uid) {
                    contact.typing &= person.online;
                    contact.person = person;
                } else if person.online && self.has_all_people() {
                    // A new user.
                    self.add_person(person);
                }
            }
            ConversationEvent::Receipt { peer, id, read } => {
                let me = self.me.clone();
                self.thread_mut(&peer).receipt(&me, id, read);
            }
            ConversationEvent::Disconnected => {
                self.disconnects += 1;
                self.contacts.values_mut().for_each(|contact| contact.typing = false);
                self.threads.values_mut().for_each(|thread| thread.has_gap = true);
            }
        }
    }
}

impl Reducible for ConversationStore {
    type Action = ConversationEvent;

    fn reduce(self: Rc<Self>, event: ConversationEvent) -> Rc<Self> {
        let mut next = (*self).clone();
        next.apply(event);
        // Yew renders again only if the Rc is another one.
        if *self == next { self } else { Rc::new(next) }
    }
}
