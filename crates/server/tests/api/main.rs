//! The API over real HTTP: a server and an emulator of CometChat of their own for each test, both on
//! port 0, on one clock that the test moves.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod account;
mod assertion;
mod bad_input;
mod browser;
mod chat_down;
mod chat_token;
mod clock_jumps;
mod clock_steps;
#[path = "../common/mod.rs"]
mod common;
mod database_lost;
mod deleted_ids;
mod every_step;
mod guessing;
mod handover;
mod headers;
mod job_queue;
mod legacy_hashes;
mod line;
mod login;
mod metrics;
mod origin;
mod overload;
mod pipelining;
mod raw;
mod register;
mod secret_keys;
mod session;
mod session_limit;
mod session_rotation;
mod support;
mod text_spoofing;
mod theft;
mod throttle;
mod transactions;
mod unaddressable;
mod unknown_outcomes;
mod user_limit;
