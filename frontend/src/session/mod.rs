//! The session of a signed-in user: its state machine, and the context through which pages reach it.

mod provider;
mod rotation;
mod state;

pub use provider::{SessionProvider, use_session};
pub use state::{Session, SignOut};
