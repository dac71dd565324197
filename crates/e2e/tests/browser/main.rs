//! The whole system in a real browser, one file a concern. What needs a browser is `#[ignore]`d, so that
//! `cargo test` works with Rust alone; `make test` installs and builds what is missing and runs it all.

mod account;
mod api_docs;
mod base_path;
mod chat;
mod chat_outage;
mod early;
mod harness;
mod hostile;
mod layout;
mod register;
mod safety;
mod session;
mod session_rotation;
mod sign_in;
mod text_spoofing;
