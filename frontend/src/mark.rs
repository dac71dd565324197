//! What a tab keeps over a reload, to know why nobody is signed in afterwards.

use crate::browser::tab;

const KEY: &str = "cometchat-auth:session";

/// Why somebody who was signed in is not any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The server ended the session: it expired, or was ended from elsewhere.
    Ended,
    /// The person asked for it.
    SignedOut,
    /// The person has deleted the account.
    Deleted,
}

impl Reason {
    const fn word(self) -> &'static str {
        match self {
            Self::Ended => "signed-in",
            Self::SignedOut => "signed-out",
            Self::Deleted => "deleted",
        }
    }
}

/// Keeps what is to be said when the page finds nobody signed in after this. `Ended` is for as long as somebody is.
pub fn keep(reason: Reason) {
    tab::keep(KEY, reason.word());
}

/// What was kept.
pub fn kept() -> Option<Reason> {
    let word = tab::kept(KEY)?;
    [Reason::Ended, Reason::SignedOut, Reason::Deleted].into_iter().find(|reason| reason.word() == word)
}

pub fn forget() {
    tab::drop(KEY);
}
