//! The data types of the world. The rules that connect them are in the modules beside this one.

mod message;
mod receipt;
mod socket;
mod token;
mod user;

pub use message::{Direction, HistoryQuery, HistoryScope, Message, NewMessage, conversation_id};
pub use receipt::Receipt;
pub use socket::{Audience, PresenceSubscription, Socket, SocketCommand, SocketId, SocketUser};
pub use token::{Device, Token};
pub use user::{MAX_UID_CHARS, Profile, ProfileChange, Sort, User, UserFilter, parse_uid};
