//! One module a page. A page puts components together and tells the session what the person wants.

mod home;
mod login;
mod not_found;
mod starting;
mod unreachable;

pub use home::Home;
pub use login::Login;
pub use not_found::NotFound;
pub use starting::Starting;
pub use unreachable::Unreachable;
