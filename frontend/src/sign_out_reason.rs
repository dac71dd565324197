//! Why the user is signed out, kept in the tab so that the form can say it after a reload.

use crate::browser::storage::tab;

const KEY: &str = "cometchat-auth:session";

/// Why a session is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignOutReason {
    /// The server ended the session: it expired, or was ended from another device.
    Ended,
    /// The user signed out.
    SignedOut,
    /// The user deleted the account.
    Deleted,
}

impl SignOutReason {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Ended => "signed-in",
            Self::SignedOut => "signed-out",
            Self::Deleted => "deleted",
        }
    }
}

/// Saves the reason to show if the next page load finds no session. `Ended` is saved while signed in.
pub fn save(reason: SignOutReason) {
    tab::set(KEY, reason.as_str());
}

/// Returns the saved reason.
pub fn load() -> Option<SignOutReason> {
    use SignOutReason::{Deleted, Ended, SignedOut};
    let saved = tab::get(KEY)?;
    [Ended, SignedOut, Deleted].into_iter().find(|reason| reason.as_str() == saved)
}

pub fn clear() {
    tab::remove(KEY);
}
