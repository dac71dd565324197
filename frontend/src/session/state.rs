//! The states of somebody who is signed in, and what leads from one to the other. No DOM, no network: the provider
//! tells it what happened. The rule that the rest follows from: no answer is not "signed out", so only the server's
//! word ends it.

use crate::api::Failure;
use crate::entry::Entry;
use shared::{Secret, SessionResponse};
use std::rc::Rc;
use yew::Reducible;

#[derive(Debug, Clone, PartialEq)]
pub enum Session {
    SignedIn {
        user: SessionResponse,
        /// The token for CometChat, where signing in has just brought one.
        chat_token: Option<Secret>,
        sign_out: SignOut,
    },
    /// The server says that nobody is signed in.
    Over,
}

/// How far signing out has got. Once it is done the page is loaded anew, so there is no state for that.
#[derive(Debug, Clone, PartialEq)]
pub enum SignOut {
    NotAsked,
    Running,
    Failed(Failure),
}

#[derive(Debug, Clone, PartialEq)]
pub enum SessionEvent {
    /// The server says who is signed in.
    Found(SessionResponse),
    /// The server says that nobody is.
    NotSignedIn,
    SignOutStarted,
    SignOutFailed(Failure),
}

impl Session {
    pub fn begin(entry: Entry) -> Self {
        Self::signed_in(entry.user, entry.chat_token)
    }

    fn signed_in(user: SessionResponse, chat_token: Option<Secret>) -> Self {
        Self::SignedIn { user, chat_token, sign_out: SignOut::NotAsked }
    }

    fn next(&self, event: SessionEvent) -> Self {
        use SessionEvent as E;
        let Self::SignedIn { user, chat_token, sign_out } = self else { return Self::Over };
        match event {
            // Whoever is signing out is shown as signed in until the page is loaded anew.
            E::Found(_) | E::NotSignedIn if *sign_out == SignOut::Running => self.clone(),

            E::Found(found) if user.id == found.id => {
                Self::SignedIn { user: found, chat_token: chat_token.clone(), sign_out: sign_out.clone() }
            }
            E::Found(found) => Self::signed_in(found, None),
            E::NotSignedIn => Self::Over,

            // CometChat's token is spent by then, whether or not the rest of signing out works.
            E::SignOutStarted => {
                Self::SignedIn { user: user.clone(), chat_token: None, sign_out: SignOut::Running }
            }
            E::SignOutFailed(failure) => {
                Self::SignedIn { user: user.clone(), chat_token: None, sign_out: SignOut::Failed(failure) }
            }
        }
    }
}

impl Reducible for Session {
    type Action = SessionEvent;

    fn reduce(self: Rc<Self>, event: SessionEvent) -> Rc<Self> {
        let next = self.next(event);
        // The same Rc tells Yew that there is nothing to show anew.
        if *self == next { self } else { Rc::new(next) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(id: &str) -> SessionResponse {
        SessionResponse { id: id.into(), email: format!("{id}@example.com"), name: id.into() }
    }

    fn after(start: Session, events: impl IntoIterator<Item = SessionEvent>) -> Session {
        events.into_iter().fold(start, |state, event| state.next(event))
    }

    fn ada() -> Session {
        Session::begin(user("ada").into())
    }

    #[test]
    fn a_session_that_the_server_no_longer_knows_is_over_for_good() {
        assert_eq!(after(ada(), [SessionEvent::NotSignedIn]), Session::Over);
        assert_eq!(after(Session::Over, [SessionEvent::Found(user("ada"))]), Session::Over);
    }

    #[test]
    fn another_user_in_the_same_browser_takes_the_place_of_the_first() {
        assert_eq!(
            after(ada(), [SessionEvent::Found(user("grace"))]),
            Session::signed_in(user("grace"), None)
        );
    }

    #[test]
    fn a_new_name_is_shown_without_losing_the_token() {
        let renamed = SessionResponse { name: "Ada L.".into(), ..user("ada") };
        let state = Session::signed_in(user("ada"), Some(Secret::new("t")));
        assert_eq!(
            after(state, [SessionEvent::Found(renamed.clone())]),
            Session::signed_in(renamed, Some(Secret::new("t")))
        );
    }

    #[test]
    fn a_sign_out_that_fails_leaves_the_user_signed_in_and_says_so() {
        let state =
            after(ada(), [SessionEvent::SignOutStarted, SessionEvent::SignOutFailed(Failure::NoAnswer)]);
        assert_eq!(
            state,
            Session::SignedIn {
                user: user("ada"),
                chat_token: None,
                sign_out: SignOut::Failed(Failure::NoAnswer)
            }
        );
    }

    #[test]
    fn nothing_moves_the_page_while_it_signs_out() {
        let running = after(ada(), [SessionEvent::SignOutStarted]);
        assert_eq!(after(running.clone(), [SessionEvent::NotSignedIn]), running);
        assert_eq!(after(running.clone(), [SessionEvent::Found(user("grace"))]), running);
    }

    #[test]
    fn an_event_that_changes_nothing_keeps_the_same_state() {
        let state = Rc::new(ada());
        assert!(Rc::ptr_eq(&state.clone().reduce(SessionEvent::Found(user("ada"))), &state));
    }
}
