//! One module a page. A page puts components together and tells the session what the person wants.

mod account;
mod home;
mod login;
mod not_found;
mod register;
mod sign_out;
mod starting;
mod unreachable;

pub use account::Account;
pub use home::Home;
pub use login::Login;
pub use not_found::NotFound;
pub use register::Register;
pub use starting::Starting;
pub use unreachable::Unreachable;
