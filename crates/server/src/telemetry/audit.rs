//! The audit log: one log line and one counter increment for each account event. `docs/LOGGING.md` lists the events.
//! The request span adds the request ID. Events never contain passwords, tokens, cookies or unknown email addresses.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::{counter::Counter, family::Family};
use std::net::IpAddr;

/// Labels of the event counter. `reason` is empty for events without one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct EventLabels {
    event: &'static str,
    reason: &'static str,
}

/// The audit log of the process.
#[derive(Default)]
pub struct Audit {
    pub events: Family<EventLabels, Counter>,
}

/// Counts an event and logs it with the target `audit`, so that `RUST_LOG=warn,audit=info` selects these lines.
macro_rules! event {
    ($audit:ident, $name:literal, $reason:expr, $($fields:tt)*) => {{
        $audit.events.get_or_create(&EventLabels { event: $name, reason: $reason }).inc();
        tracing::info!(target: "audit", event = $name, $($fields)*)
    }};
}

/// The cause of a failed login. Only logs and metrics have it: the response does not tell the causes apart.
#[derive(Debug, Clone, Copy)]
pub enum LoginFailureReason {
    UnknownUser,
    NoPassword,
    WrongPassword,
    /// Locked by too many failures; `user unlock` ends it.
    Locked,
}

impl LoginFailureReason {
    fn name(self) -> &'static str {
        match self {
            Self::UnknownUser => "unknown_user",
            Self::NoPassword => "no_password",
            Self::WrongPassword => "wrong_password",
            Self::Locked => "locked",
        }
    }
}

impl Audit {
    pub fn logged_in(&self, user: &str, address: IpAddr, has_chat: bool) {
        event!(self, "logged_in", if has_chat { "" } else { "without_chat" }, user, %address, has_chat, "logged in");
    }

    /// `user` is empty if no user has the email. The email itself is not logged, because users type passwords
    /// into the wrong field.
    pub fn login_failed(&self, user: &str, address: IpAddr, reason: LoginFailureReason) {
        event!(self, "login_failed", reason.name(), user, %address, reason = reason.name(), "login failed");
    }

    /// Records an attempt that a rate limit rejected before the account was looked up.
    pub fn throttled(&self, address: IpAddr, limit: &'static str, retry_after_seconds: u64) {
        event!(self, "throttled", limit, %address, limit, retry_after_seconds, "rate limit exceeded");
    }

    pub fn registered(&self, user: &str, address: IpAddr) {
        event!(self, "registered", "", user, %address, "registered");
    }

    /// Records that the app's server vouched for the user (`POST /api/login/assertion`).
    pub fn assertion_login(&self, user: &str, address: IpAddr) {
        event!(self, "assertion_login", "", user, %address, "assertion accepted");
    }

    pub fn renamed(&self, user: &str, address: IpAddr) {
        event!(self, "renamed", "", user, %address, "renamed");
    }

    /// `sessions_ended`: number of the user's other sessions.
    pub fn password_changed(&self, user: &str, address: IpAddr, sessions_ended: usize) {
        event!(self, "password_changed", "", user, %address, sessions_ended, "password changed");
    }

    /// `sessions`: how many ended; `cause`: `logged_out`, `ended_by_user`, `over_limit` or `expired`.
    pub fn sessions_ended(&self, user: &str, address: Option<IpAddr>, cause: &'static str, sessions: usize) {
        let address = address.map(|address| address.to_string()).unwrap_or_default();
        event!(self, "sessions_ended", cause, user, address, cause, sessions, "sessions ended");
    }

    pub fn deleted(&self, user: &str, address: IpAddr, sessions_ended: usize) {
        event!(self, "deleted", "", user, %address, sessions_ended, "account deleted");
    }
}
