//! CometChat in the browser: loads its SDK, logs in to it, and knows whether chat works.
//!
//! Nothing here knows of pages. `bindings` declares the SDK's JavaScript, `client` and `listeners` are the
//! only modules that call it, and `state` decides what to show and when to retry.

mod bindings;
pub mod client;
mod connection;
mod convert;
mod error;
#[cfg(test)]
mod invariants;
pub mod listeners;
mod loader;
mod provider;
mod sdk_storage;
mod state;

pub use loader::preload;
pub use provider::{ChatProvider, use_chat_status};
pub use sdk_storage::clear_session;
pub use state::ChatStatus;
