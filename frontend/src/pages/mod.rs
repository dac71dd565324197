//! The pages, one module each. A page composes components and passes the user's actions to the session.

mod account;
mod chat;
mod not_found;
mod sign_out;

pub use account::Account;
pub use chat::Chat;
pub use not_found::NotFound;
