//! One module a page. A page puts components together and tells the session what the person wants.

mod account;
mod chat;
mod not_found;
pub mod sign_out;

pub use account::Account;
pub use chat::Chat;
pub use not_found::NotFound;
