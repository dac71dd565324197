//! People, conversations and messages.
//!
//! `state` and `thread` are state machines without SDK or DOM. `provider` feeds them with the SDK's events
//! and carries out the user's actions.

pub mod drafts;
#[cfg(test)]
mod invariants;
mod people;
mod provider;
mod state;
mod tab_sync;
#[cfg(test)]
mod tests;
mod thread;

pub use people::{NextPage, PeoplePages};
pub use provider::{ConversationProvider, use_conversations};
pub use state::{Contact, LoadState};
pub use thread::{Older, Outgoing};
