//! Emulates the CometChat cloud on loopback, in memory: the server REST API v3, the client API v3.0,
//! and the WebSocket, as CometChat documents them and as its JavaScript SDK 4.2.0 needs them.
//!
//! The emulator follows CometChat's own behaviour and has no code for any particular caller.
//! [`world`] holds the state and the rules and does not know HTTP. [`rest`], [`client`] and [`socket`]
//! are the three interfaces. [`middleware`] runs before all three and applies faults, rate limits and
//! the call log.

mod app;
mod auth;
mod client;
mod control_api;
mod cors;
mod dashboard;
mod demo;
mod errors;
mod extract;
mod middleware;
mod payloads;
mod response;
mod rest;
mod socket;
mod state;
mod world;

pub use app::App;
pub use state::Config;
pub use world::{Clock, RateLimits};
