//! The single-page app: signs a user in to the app and to CometChat, and shows the chat.
//!
//! Two WebAssembly programs are built from this crate. [`auth`] has the forms to sign in and to
//! register, and nothing else, so that they work soon after the page is there. [`app`] has the chat and
//! the account page; the browser loads it while the user types, or at once if a session exists.
//! `handoff` is what the first program passes to the second.
//!
//! `auth` and `session` know who is signed in, `cometchat` whether chat works, `conversations` what was
//! said. Each has a state machine without DOM or network, and a provider that feeds it. Pages and
//! `components` only show these states.

mod api;
pub mod app;
pub mod auth;
mod backoff;
mod browser;
mod cometchat;
mod components;
mod conversations;
mod datetime;
mod form;
mod handoff;
mod hooks;
mod model;
mod pages;
mod route;
mod session;
mod shared_fetch;
mod sign_out_reason;
mod text;
