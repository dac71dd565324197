//! The page: signs a person in to the app and to CometChat, and lets them chat.
//!
//! It is three programs in one crate: one for each form, and the chat. [`door`] is what the forms are, and nothing that
//! they do not need, so that they are live soon. [`app`] is the chat and the account, loaded while somebody types or when they are
//! signed in already; [`entry`] is what a form hands over to it.
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
