//! The open sockets: who they are of, what is pushed to them, and presence, which follows from them.
//! A user is online from the first signed-in socket to the end of the last one.

use super::World;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

pub type SocketId = u64;

/// What the task that holds the connection has to do.
#[derive(Debug)]
pub enum Outgoing {
    Frame(String),
    /// With the reason.
    Close(&'static str),
}

pub struct Socket {
    outbox: UnboundedSender<Outgoing>,
    /// None until signed in.
    pub subject: Option<Subject>,
}

impl Socket {
    pub fn uid(&self) -> Option<&str> {
        self.subject.as_ref().map(|subject| subject.uid.as_str())
    }
}

/// Whose a socket is.
#[derive(Debug, Clone)]
pub struct Subject {
    pub uid: String,
    pub token: String,
    pub device_id: String,
    pub presence: PresenceSubscription,
}

/// Whose coming and going a socket is told. Nobody has friends here, so `FRIENDS` is [`Self::None`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PresenceSubscription {
    None,
    AllUsers,
    Roles(Vec<String>),
}

/// Who gets a frame.
pub enum Audience<'a> {
    Users(&'a [&'a str]),
    /// Everybody else who wants to know of this user's presence.
    Watchers {
        uid: &'a str,
        role: &'a str,
    },
}

impl Audience<'_> {
    fn includes(&self, subject: &Subject) -> bool {
        match self {
            Self::Users(uids) => uids.contains(&subject.uid.as_str()),
            Self::Watchers { uid, role } => {
                subject.uid != *uid
                    && match &subject.presence {
                        PresenceSubscription::None => false,
                        PresenceSubscription::AllUsers => true,
                        PresenceSubscription::Roles(roles) => roles.iter().any(|wanted| wanted == role),
                    }
            }
        }
    }
}

impl World {
    pub fn connect(&mut self) -> (SocketId, UnboundedReceiver<Outgoing>) {
        let (outbox, inbox) = unbounded_channel();
        self.last_socket_id += 1;
        self.sockets.insert(self.last_socket_id, Socket { outbox, subject: None });
        (self.last_socket_id, inbox)
    }

    pub fn sign_in(&mut self, id: SocketId, subject: Subject) {
        let uid = subject.uid.clone();
        let was_online = self.is_online(&uid);
        if let Some(socket) = self.sockets.get_mut(&id) {
            socket.subject = Some(subject);
            if !was_online {
                self.announce(&uid, "online");
            }
        }
    }

    /// The connection is gone.
    pub fn disconnect(&mut self, id: SocketId) {
        let Some(uid) = self.sockets.remove(&id).and_then(|socket| socket.subject).map(|subject| subject.uid)
        else {
            return;
        };
        self.gone_offline(&uid);
    }

    /// Closes the signed-in sockets that `which` picks, at once as far as anybody can see.
    pub fn close_sockets(&mut self, reason: &'static str, which: impl Fn(&Subject) -> bool) {
        let picked = |socket: &mut Socket| socket.subject.as_ref().is_some_and(&which);
        let closed: Vec<Socket> =
            self.sockets.extract_if(.., |_, socket| picked(socket)).map(|(_, socket)| socket).collect();
        for socket in &closed {
            // The other end may be gone already.
            let _ = socket.outbox.send(Outgoing::Close(reason));
        }
        let uids: BTreeSet<&str> = closed.iter().filter_map(Socket::uid).collect();
        for uid in uids {
            self.gone_offline(uid);
        }
    }

    /// Those that have not signed in too; nobody is left to be told.
    pub fn close_all_sockets(&mut self, reason: &'static str) {
        for socket in std::mem::take(&mut self.sockets).into_values() {
            let _ = socket.outbox.send(Outgoing::Close(reason));
        }
    }

    pub fn close_socket(&mut self, id: SocketId, reason: &'static str) {
        if let Some(socket) = self.sockets.get(&id) {
            let _ = socket.outbox.send(Outgoing::Close(reason));
        }
    }

    pub fn sockets(&self) -> impl Iterator<Item = &Socket> {
        self.sockets.values()
    }

    pub fn subject(&self, id: SocketId) -> Option<&Subject> {
        self.sockets.get(&id)?.subject.as_ref()
    }

    pub fn is_online(&self, uid: &str) -> bool {
        self.sockets.values().any(|socket| socket.uid() == Some(uid))
    }

    /// The device that a frame came from: the SDK drops frames of its own.
    pub(super) fn device_of(&self, id: Option<SocketId>) -> Option<&str> {
        id.and_then(|id| self.subject(id)).map(|subject| subject.device_id.as_str())
    }

    pub fn push(&self, audience: Audience<'_>, frame: &Value) {
        let text = frame.to_string();
        for socket in self.sockets.values() {
            if socket.subject.as_ref().is_some_and(|subject| audience.includes(subject)) {
                let _ = socket.outbox.send(Outgoing::Frame(text.clone()));
            }
        }
    }

    pub fn reply(&self, id: SocketId, frame: &Value) {
        if let Some(socket) = self.sockets.get(&id) {
            let _ = socket.outbox.send(Outgoing::Frame(frame.to_string()));
        }
    }

    /// Passes a typing indicator or a transient message on to its receiver. Who sent it is what the
    /// socket says, not what the frame says. Neither is kept.
    pub fn relay(&self, from: SocketId, kind: &str, receiver: &str, mut body: Value) {
        let Some(subject) = self.subject(from) else { return };
        let (Ok(sender), Ok(receiver)) = (self.user(&subject.uid), self.user(receiver)) else { return };
        if let Some(body) = body.as_object_mut() {
            body.insert("user".into(), self.user_view(sender, None, false));
        }
        let frame = json!({
            "type": kind,
            "appId": self.app_id,
            "receiver": receiver.uid,
            "receiverType": "user",
            "sender": sender.uid,
            "deviceId": subject.device_id,
            "body": body,
        });
        self.push(Audience::Users(&[&receiver.uid]), &frame);
    }

    fn gone_offline(&mut self, uid: &str) {
        if !self.is_online(uid) {
            self.mark_active(uid);
            self.announce(uid, "offline");
        }
    }

    fn announce(&self, uid: &str, action: &str) {
        let Ok(user) = self.user(uid) else { return };
        let frame = json!({
            "type": "presence",
            "appId": self.app_id,
            "sender": uid,
            "body": { "action": action, "timestamp": self.now(), "user": self.user_view(user, None, false) },
        });
        self.push(Audience::Watchers { uid, role: &user.profile.role }, &frame);
    }
}
