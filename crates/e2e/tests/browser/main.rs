//! Tests of the whole system in a real browser. They are `#[ignore]`d, so that `cargo test` works with Rust
//! alone; `make test` installs the browser, builds the page and runs them.

mod account;
mod api_docs;
mod base_path;
mod chat;
mod chat_outage;
mod cross_site;
mod harness;
mod layout;
mod limits;
mod login;
mod missing_features;
mod own_app;
mod prerender;
mod register;
mod session;
mod session_rotation;
mod text_spoofing;
mod translation;
mod xss_and_storage;
