//! Stands in for the CometChat cloud on loopback, in memory: the server REST API v3, the client API
//! v3.0, and the WebSocket, as CometChat documents them and as its JavaScript SDK 4.2.0 needs them.
//!
//! It is built from CometChat's own behaviour and knows nothing of any program that talks to it.
//! [`world`] holds the state and the rules and never sees HTTP; [`rest`], [`client`] and [`socket`]
//! are the three ways in; [`middleware`] stands before them all with faults, rate limits and the call log.

pub mod app;
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
