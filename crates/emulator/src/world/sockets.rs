//! Open sockets: authentication, pushed frames, and presence. A user is online while at least one
//! socket is signed in for the user.

use super::model::{Audience, Socket, SocketCommand, SocketId, SocketUser};
use super::store::World;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

impl World {
    /// Adds a socket that is not signed in. Returns its id and the receiving end of its commands.
    pub fn connect(&mut self) -> (SocketId, UnboundedReceiver<SocketCommand>) {
        let (outbox, inbox) = unbounded_channel();
        self.last_socket_id += 1;
        self.sockets.insert(self.last_socket_id, Socket { outbox, user: None });
        (self.last_socket_id, inbox)
    }

    /// Signs a socket in, and announces the user as online if this is the first one.
    pub fn authenticate_socket(&mut self, id: SocketId, user: SocketUser) {
        let uid = user.uid.clone();
        let was_online = self.is_online(&uid);
        if let Some(socket) = self.sockets.get_mut(&id) {
            socket.user = Some(user);
            if !was_online {
                self.announce(&uid, "online");
            }
        }
    }

    /// Removes a socket whose connection has ended.
    pub fn disconnect(&mut self, id: SocketId) {
        let Some(uid) = self.sockets.remove(&id).and_then(|socket| socket.user).map(|user| user.uid) else {
            return;
        };
        self.announce_if_offline(&uid);
    }

    /// Closes the signed-in sockets that match `selects`. Their users are offline at once, although the
    /// connections end later.
    pub fn close_sockets(&mut self, reason: &'static str, selects: impl Fn(&SocketUser) -> bool) {
        let selected = |socket: &mut Socket| socket.user.as_ref().is_some_and(&selects);
        let closed: Vec<Socket> =
            self.sockets.extract_if(.., |_, socket| selected(socket)).map(|(_, socket)| socket).collect();
        for socket in &closed {
            // Fails if the connection has ended already.
            let _ = socket.outbox.send(SocketCommand::Close(reason));
        }
        let uids: BTreeSet<&str> = closed.iter().filter_map(Socket::uid).collect();
        for uid in uids {
            self.announce_if_offline(uid);
        }
    }

    /// Closes all sockets, also those that are not signed in, without presence frames.
    pub fn close_all_sockets(&mut self, reason: &'static str) {
        for socket in std::mem::take(&mut self.sockets).into_values() {
            let _ = socket.outbox.send(SocketCommand::Close(reason));
        }
    }

    /// Closes one socket.
    pub fn close_socket(&mut self, id: SocketId, reason: &'static str) {
        if let Some(socket) = self.sockets.get(&id) {
            let _ = socket.outbox.send(SocketCommand::Close(reason));
        }
    }

    pub fn sockets(&self) -> impl Iterator<Item = &Socket> {
        self.sockets.values()
    }

    pub fn socket_user(&self, id: SocketId) -> Option<&SocketUser> {
        self.sockets.get(&id)?.user.as_ref()
    }

    pub fn is_online(&self, uid: &str) -> bool {
        self.sockets.values().any(|socket| socket.uid() == Some(uid))
    }

    /// Returns the device id of a socket. The SDK drops frames that carry its own.
    pub(super) fn device_of(&self, id: Option<SocketId>) -> Option<&str> {
        id.and_then(|id| self.socket_user(id)).map(|user| user.device_id.as_str())
    }

    /// Sends a frame to all signed-in sockets of the audience.
    pub fn push(&self, audience: Audience<'_>, frame: &Value) {
        let text = frame.to_string();
        for socket in self.sockets.values() {
            if socket.user.as_ref().is_some_and(|user| audience.includes(user)) {
                let _ = socket.outbox.send(SocketCommand::Frame(text.clone()));
            }
        }
    }

    /// Sends a frame to one socket.
    pub fn reply(&self, id: SocketId, frame: &Value) {
        if let Some(socket) = self.sockets.get(&id) {
            let _ = socket.outbox.send(SocketCommand::Frame(frame.to_string()));
        }
    }

    /// Forwards a typing indicator or a transient message to its receiver without storing it. The
    /// sender is the user of the socket, whatever the frame says.
    pub fn relay(&self, from: SocketId, kind: &str, receiver: &str, mut body: Value) {
        let Some(user) = self.socket_user(from) else { return };
        let (Ok(sender), Ok(receiver)) = (self.user(&user.uid), self.user(receiver)) else { return };
        if let Some(body) = body.as_object_mut() {
            body.insert("user".into(), self.user_view(sender, None, false));
        }
        let frame = json!({
            "type": kind,
            "appId": self.app_id,
            "receiver": receiver.uid,
            "receiverType": "user",
            "sender": sender.uid,
            "deviceId": user.device_id,
            "body": body,
        });
        self.push(Audience::Users(&[&receiver.uid]), &frame);
    }

    /// Announces a user as offline if no socket is left.
    fn announce_if_offline(&mut self, uid: &str) {
        if !self.is_online(uid) {
            self.mark_active(uid);
            self.announce(uid, "offline");
        }
    }

    /// Pushes a presence frame to the subscribers.
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
