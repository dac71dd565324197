//! Processes, databases, an emulator and checks that the tests of the workspace share.
//!
//! - [`Process`] runs a binary, [`TestEnv`] the server's binary with a folder, a database and an emulator.
//! - [`TestEmulator`] stands in for CometChat and says what it has received.
//! - [`Browser`] is an HTTP client with the cookies of a browser.
//! - [`config()`] makes the configuration of a server in the test's own process.
//! - [`ConsistencyChecker`] compares the database with CometChat.
//! - [`eventually`] waits for a condition.
//! - [`canary`] records secrets for `scripts/check-secret-leaks`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod browser;
pub mod canary;
mod config;
mod consistency;
mod database;
mod emulator;
mod env;
mod process;
mod wait;

pub use browser::{Browser, failure};
pub use config::{SECRET_KEY, config};
pub use consistency::ConsistencyChecker;
pub use database::{new_database, uses_postgres};
pub use emulator::{Reply, TestEmulator, Users};
pub use env::TestEnv;
pub use process::{Process, binary, command};
pub use wait::{POLL_INTERVAL, TIMEOUT, eventually, poll};

use reqwest::Client;
use std::time::Duration;

/// A password that the password policy accepts.
pub const PASSWORD: &str = "plum tractor yesterday";

/// Returns an HTTP client with a timeout of 30 s. It closes idle connections before the server does, so that it never
/// uses one that the server is closing. A test shares one, because creating it reads all root certificates.
pub fn client() -> Client {
    // Fails if another test of this process was first, which does not matter.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .timeout(Duration::from_secs(30))
        .pool_idle_timeout(Duration::from_secs(2))
        .build()
        .unwrap()
}
