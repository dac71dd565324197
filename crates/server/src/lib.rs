//! cometchat-auth: signs an app's users in to the app and to CometChat.
//!
//! Start at [`app`], which puts everything together, and at [`sign_in`], which is what it is for. Data
//! flows one way: a route in [`http`] calls a concern ([`sign_in`], [`sessions`], [`chat`], …), which
//! calls the store ([`db`]).

pub mod users;
pub mod app;
pub mod assertions;
pub mod audit;
pub mod cometchat;
pub mod cli;
pub mod clock;
pub mod config;
pub mod db;
#[cfg(any(fuzzing, test))]
pub mod fuzzing;
pub mod handover;
pub mod http;
pub mod maintenance;
pub mod passwords;
mod private_files;
pub mod random;
pub mod sessions;
pub mod sign_in;
pub mod spent;
pub mod throttle;
