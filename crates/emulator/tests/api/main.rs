//! Tests of the emulator through HTTP and WebSockets. Each test starts its own server on a free port.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod auth_and_rate_limits;
mod client_messages;
mod client_users;
mod command_line;
mod cors_and_dashboard;
mod demo;
mod faults;
mod helpers;
mod push_events;
mod rest_messages;
mod rest_tokens;
mod rest_users;
mod sockets;
