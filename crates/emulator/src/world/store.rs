//! [`World`], the struct with all data of an emulator.

use super::call_log::CallLog;
use super::faults::Faults;
use super::model::{Message, Socket, SocketId, Token, User};
use super::rate_limits::{RateLimiter, RateLimits};
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc};

/// Returns the time in Unix seconds.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// All data of an emulator.
pub struct World {
    pub(super) app_id: String,
    clock: Clock,
    pub(super) users: BTreeMap<String, User>,
    /// Ordered by time of issue.
    pub(super) tokens: Vec<Token>,
    /// Ordered by id, which is also the order of sending.
    pub(super) messages: Vec<Message>,
    pub(super) last_message_id: u64,
    pub(super) sockets: BTreeMap<SocketId, Socket>,
    pub(super) last_socket_id: SocketId,
    pub faults: Faults,
    pub call_log: CallLog,
    pub rate_limiter: RateLimiter,
}

impl World {
    pub fn new(app_id: String, rate_limits: RateLimits, clock: Clock) -> Self {
        Self {
            app_id,
            clock,
            users: BTreeMap::new(),
            tokens: Vec::new(),
            messages: Vec::new(),
            last_message_id: 0,
            sockets: BTreeMap::new(),
            last_socket_id: 0,
            faults: Faults::default(),
            call_log: CallLog::default(),
            rate_limiter: RateLimiter::new(rate_limits),
        }
    }

    pub fn now(&self) -> u64 {
        (self.clock)()
    }

    /// Deletes everything and closes all sockets. The ids go on counting, so that a late response to an
    /// earlier request cannot be mistaken for a new one.
    pub fn reset(&mut self) {
        self.close_all_sockets("The emulator was reset");
        self.users.clear();
        self.tokens.clear();
        self.messages.clear();
        self.faults.clear();
        self.call_log.clear();
        self.rate_limiter.clear();
    }

    /// Returns all data as JSON for the control API.
    pub fn snapshot(&self) -> Value {
        let users = self.users.values().map(|user| {
            let mut view = self.user_view(user, None, true);
            if let Some(view) = view.as_object_mut() {
                let tokens = self.tokens_of(&user.uid).map(|token| token.secret.as_str());
                view.insert("tokens".into(), tokens.collect());
            }
            view
        });
        let sockets = self.sockets().map(|socket| {
            json!({
                "uid": socket.uid(),
                "authenticated": socket.uid().is_some(),
                "deviceId": socket.user.as_ref().map(|user| &user.device_id),
            })
        });
        json!({
            "users": users.collect::<Value>(),
            "sockets": sockets.collect::<Value>(),
            "messages": self.messages().map(|message| self.message_view(message, None)).collect::<Value>(),
            "calls": self.call_log.iter().collect::<Vec<_>>(),
        })
    }
}
