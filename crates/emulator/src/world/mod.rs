//! The emulator's data and CometChat's rules: users, auth tokens, messages, conversations, sockets.
//! It does not know HTTP; a socket is a channel that takes frames. There is one [`World`] behind one
//! lock, so that readers never see a partial change.
//!
//! [`model`] has the data types and [`store`] the struct that holds them. Each other module adds the
//! operations of one subject to [`World`].

mod call_log;
mod faults;
mod messages;
mod model;
mod rate_limits;
mod receipts;
mod sockets;
mod store;
#[cfg(test)]
pub mod testing;
mod tokens;
mod users;

pub use call_log::Api;
pub use faults::{FaultAction, FaultSpec};
pub use model::{
    Device, Direction, HistoryQuery, HistoryScope, MAX_UID_CHARS, Message, NewMessage, PresenceSubscription,
    ProfileChange, Receipt, SocketCommand, SocketId, SocketUser, Sort, Token, User, UserFilter,
};
pub use rate_limits::{Allowance, RateLimits};
pub use store::{Clock, World};
