//! Tests of the binary with faults: CometChat or the disk fails, or the server is killed. Every response stays true,
//! and in the end the database and CometChat have the same users and tokens.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod cometchat_outage;
mod crash_recovery;
mod disk_full;
mod env;
mod rotation;
