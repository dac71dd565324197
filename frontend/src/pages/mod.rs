//! One module a page. A page puts components together and tells the session what the person wants.

mod account;
mod chat;
mod login;
mod not_found;
mod register;
pub mod sign_out;
mod starting;
mod unreachable;

pub use account::Account;
pub use chat::Chat;
pub use login::Login;
pub use not_found::NotFound;
pub use register::Register;
pub use starting::Starting;
pub use unreachable::Unreachable;
