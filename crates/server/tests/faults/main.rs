//! Nothing lost, on the real binary: whatever CometChat or the disk does, and wherever the server is killed, what
//! was answered is so, and the database and CometChat agree in the end, to the last user and token.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod cometchat_outage;
#[path = "../common/mod.rs"]
mod common;
mod crash_recovery;
mod disk_full;
mod env;
mod rotation;
