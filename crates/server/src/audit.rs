//! The audit trail: one line in the log for each thing that happens to an account, at one place so that
//! no event can say more than another. `docs/LOGGING.md` lists them; the request's id is added by the
//! span around them. Never an address that was typed in vain, a password, a token or a cookie.

use std::net::IpAddr;

/// The target of these lines: `RUST_LOG=warn,audit=info` keeps them alone.
macro_rules! event {
    ($name:literal, $($fields:tt)*) => { tracing::info!(target: "audit", event = $name, $($fields)*) };
}

/// Why a sign-in failed. For the operator only: nobody outside learns which.
#[derive(Debug, Clone, Copy)]
pub enum Reason {
    UnknownUser,
    NoPassword,
    WrongPassword,
    /// Shut after too many failures; see `user unlock`.
    Locked,
}

impl Reason {
    fn name(self) -> &'static str {
        match self {
            Self::UnknownUser => "unknown_user",
            Self::NoPassword => "no_password",
            Self::WrongPassword => "wrong_password",
            Self::Locked => "locked",
        }
    }
}

pub fn signed_in(user: &str, address: IpAddr, has_chat: bool) {
    event!("signed_in", user, %address, has_chat, "signed in");
}

/// `user` is empty when there is none with the address that was typed, which is not written down: people
/// type passwords into the wrong field.
pub fn sign_in_failed(user: &str, address: IpAddr, reason: Reason) {
    event!("sign_in_failed", user, %address, reason = reason.name(), "a sign-in failed");
}

/// A limit has refused an attempt before anybody looked who it was for.
pub fn throttled(address: IpAddr, limit: &'static str, retry_after_seconds: u64) {
    event!("throttled", %address, limit, retry_after_seconds, "an attempt was refused by a limit");
}

pub fn registered(user: &str, address: IpAddr) {
    event!("registered", user, %address, "registered");
}

pub fn renamed(user: &str, address: IpAddr) {
    event!("renamed", user, %address, "renamed");
}

/// `sessions_ended`: the others of the user.
pub fn password_changed(user: &str, address: IpAddr, sessions_ended: usize) {
    event!("password_changed", user, %address, sessions_ended, "the password was changed");
}

/// `sessions`: how many ended; `cause`: `signed_out`, `ended_by_user` or `expired`.
pub fn sessions_ended(user: &str, address: Option<IpAddr>, cause: &'static str, sessions: usize) {
    let address = address.map(|address| address.to_string()).unwrap_or_default();
    event!("sessions_ended", user, address, cause, sessions, "sessions ended");
}

pub fn deleted(user: &str, address: IpAddr, sessions_ended: usize) {
    event!("deleted", user, %address, sessions_ended, "the account was deleted");
}
