//! cometchat-auth: logs an application's users in to the application and to CometChat.
//!
//! Start at [`server`], which builds the application, and at [`auth::login`], its main use case. Data
//! flows one way: a route in [`http`] calls a use case in [`auth`], which calls the stores ([`users`],
//! [`sessions`], [`throttle`]) and [`cometchat`].

pub mod auth;
pub mod cli;
pub mod clock;
pub mod cometchat;
pub mod config;
pub mod crypto;
pub mod db;
pub mod http;
pub mod maintenance;
pub mod passwords;
mod private_files;
pub mod server;
pub mod sessions;
pub mod state;
pub mod telemetry;
pub mod throttle;
pub mod users;
