//! Tests of the API over HTTP. Each test has its own server and emulator of CometChat, on free ports, with one clock
//! that the test sets.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod account;
mod assertion;
mod assertion_login;
mod brute_force;
mod chat_token;
mod clock_jumps;
mod clock_steps;
mod cometchat_outage;
mod csrf;
mod database_failover;
mod database_outage;
mod deleted_ids;
mod fault_injection;
mod fault_proxy;
mod helpers;
mod input_validation;
mod job_queue;
mod legacy_hashes;
mod load_shedding;
mod login;
mod metrics;
mod pipelining;
mod rate_limiting;
mod raw_http;
mod register;
mod secret_keys;
mod security_headers;
mod session;
mod session_limit;
mod session_rotation;
mod session_security;
mod text_spoofing;
mod token_in_url;
mod transactions;
mod unknown_outcomes;
mod user_limit;
