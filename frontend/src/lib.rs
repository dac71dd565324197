//! The page: signs a person in to the app and to CometChat, and lets them chat.
//!
//! It is two programs in one crate. [`door`] is what everybody loads: the forms, and nothing that they do not need,
//! so that they are live soon. [`app`] is the chat and the account, loaded while somebody types or when they are
//! signed in already; [`entry`] is what the first hands over to the second.
//!
//! `door` and `session` know who is signed in and `chat` whether CometChat can be used; they are state machines
//! that know nothing of the DOM, with a provider each that feeds them. Pages and `components` only show what those
//! say.

mod api;
pub mod app;
mod backoff;
mod browser;
mod chat;
mod clock;
mod components;
pub mod door;
mod entry;
mod form;
mod hooks;
mod mark;
mod once;
mod pages;
mod session;
mod talk;
mod words;
