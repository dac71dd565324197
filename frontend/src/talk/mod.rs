//! Talking: people, conversations and messages.
//!
//! `state` and `thread` are plain state machines that know neither SDK nor DOM; `provider` feeds them with
//! what `chat::messaging` tells and does what the person wants.

mod model;
#[cfg(test)]
mod properties;
mod provider;
mod state;
mod tabs;
#[cfg(test)]
mod tests;
mod thread;
mod unsent;

pub use model::{Conversation, Message, PEOPLE, Person};
pub use provider::{TalkProvider, use_talk};
pub use state::{Entry, Listing, Talk, TalkEvent};
pub use thread::{Older, Outgoing, Thread};
pub use unsent::{PREFIX as UNSENT, draft, keep_draft};
