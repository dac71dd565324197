//! The emulator as its callers see it: a real server on a port of its own for each test, real HTTP,
//! real WebSockets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod browser;
mod client_messages;
mod client_users;
mod command_line;
mod demo;
mod faults;
mod keys_and_limits;
mod live;
mod rest_messages;
mod rest_tokens;
mod rest_users;
mod sockets;
mod support;
