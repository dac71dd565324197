//! The use cases: login, logout, registration, account changes and login by signed assertion.
//!
//! A use case owns the order of the steps and the transaction. It knows nothing of HTTP.

pub mod account;
pub mod assertion;
mod error;
pub mod login;
pub mod register;

pub use error::AccountError;
