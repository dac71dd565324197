//! Who is signed in, once somebody is: the states, what changes them, and the context that pages read.

mod provider;
mod rotation;
mod state;

pub use provider::{SessionProvider, use_session};
pub use state::{Session, SignOut};
