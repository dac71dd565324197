//! The page: signs a person in to the app and to CometChat.
//!
//! `session` knows who is signed in and `chat` whether CometChat can be used; both are state machines
//! that know nothing of the DOM, with a provider each that feeds them. `pages` and `components` only
//! show what those two say.

mod api;
mod app;
mod backoff;
mod browser;
mod chat;
mod clock;
mod components;
mod form;
mod hooks;
mod once;
mod pages;
mod session;
mod talk;
mod words;

fn main() {
    yew::Renderer::<app::App>::new().render();
}
