//! Open sockets, their users, and the audience of a frame.

use tokio::sync::mpsc::UnboundedSender;

pub type SocketId = u64;

/// A command to the task that owns the connection.
#[derive(Debug)]
pub enum SocketCommand {
    Frame(String),
    /// Closes the connection with this reason.
    Close(&'static str),
}

/// An open socket.
pub struct Socket {
    pub outbox: UnboundedSender<SocketCommand>,
    /// `None` until the socket is signed in.
    pub user: Option<SocketUser>,
}

impl Socket {
    pub fn uid(&self) -> Option<&str> {
        self.user.as_ref().map(|user| user.uid.as_str())
    }
}

/// The user and the tab that a socket is signed in for.
#[derive(Debug, Clone)]
pub struct SocketUser {
    pub uid: String,
    pub token: String,
    pub device_id: String,
    pub presence: PresenceSubscription,
}

/// The users whose presence a socket receives. The emulator has no friendships, so `FRIENDS` is
/// [`Self::None`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PresenceSubscription {
    None,
    AllUsers,
    Roles(Vec<String>),
}

/// The receivers of a frame.
pub enum Audience<'a> {
    Users(&'a [&'a str]),
    /// All other users who subscribed to this user's presence.
    Watchers {
        uid: &'a str,
        role: &'a str,
    },
}

impl Audience<'_> {
    pub fn includes(&self, user: &SocketUser) -> bool {
        match self {
            Self::Users(uids) => uids.contains(&user.uid.as_str()),
            Self::Watchers { uid, role } => {
                user.uid != *uid
                    && match &user.presence {
                        PresenceSubscription::None => false,
                        PresenceSubscription::AllUsers => true,
                        PresenceSubscription::Roles(roles) => {
                            roles.iter().any(|subscribed| subscribed == role)
                        }
                    }
            }
        }
    }
}
