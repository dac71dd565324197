//! The state machine of a session, without DOM or network.
//!
//! No response is not "signed out": only the server's own answer ends the session.

use crate::api::RequestError;
use crate::handoff::SignedInUser;
use shared::{Secret, UserResponse};
use std::rc::Rc;
use yew::Reducible;

#[derive(Debug, Clone, PartialEq)]
pub enum Session {
    SignedIn {
        user: UserResponse,
        /// The CometChat token, if the login has just returned one.
        chat_token: Option<Secret>,
        sign_out: SignOut,
    },
    /// The server says that there is no session.
    Over,
}

/// The progress of a sign-out. After it the page is reloaded, so there is no state for success.
#[derive(Debug, Clone, PartialEq)]
pub enum SignOut {
    NotRequested,
    Running,
    Failed(RequestError),
}

#[derive(Debug, Clone, PartialEq)]
pub enum SessionEvent {
    /// The server says who is signed in.
    Found(UserResponse),
    /// The server says that there is no session.
    NotSignedIn,
    SignOutStarted,
    SignOutFailed(RequestError),
}

impl Session {
    pub fn begin(user: SignedInUser) -> Self {
        Self::signed_in(user.user, user.chat_token)
    }

    fn signed_in(user: UserResponse, chat_token: Option<Secret>) -> Self {
        Self::SignedIn { user, chat_token, sign_out: SignOut::NotRequested }
    }

    fn next(&self, event: SessionEvent) -> Self {
        use SessionEvent as E;
        let Self::SignedIn { user, chat_token, sign_out } = self else { return Self::Over };
        match event {
            // The page stays as it is during a sign-out.
            E::Found(_) | E::NotSignedIn if *sign_out == SignOut::Running => self.clone(),

            E::Found(found) if user.id == found.id => {
                Self::SignedIn { user: found, chat_token: chat_token.clone(), sign_out: sign_out.clone() }
            }
            E::Found(found) => Self::signed_in(found, None),
            E::NotSignedIn => Self::Over,

            // The chat token is revoked by then, even if the rest of the sign-out fails.
            E::SignOutStarted => {
                Self::SignedIn { user: user.clone(), chat_token: None, sign_out: SignOut::Running }
            }
            E::SignOutFailed(error) => {
                Self::SignedIn { user: user.clone(), chat_token: None, sign_out: SignOut::Failed(error) }
            }
        }
    }
}

impl Reducible for Session {
    type Action = SessionEvent;

    fn reduce(self: Rc<Self>, event: SessionEvent) -> Rc<Self> {
        let next = self.next(event);
        // Yew renders again only if the Rc is another one.
        if *self == next { self } else { Rc::new(next) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(id: &str) -> UserResponse {
        UserResponse { id: id.into(), email: format!("{id}@example.com"), name: id.into() }
    }

    fn after(start: Session, events: impl IntoIterator<Item = SessionEvent>) -> Session {
        events.into_iter().fold(start, |state, event| state.next(event))
    }

    fn ada() -> Session {
        Session::begin(user("ada").into())
    }

    #[test]
    fn session_that_the_server_ended_stays_over() {
        assert_eq!(after(ada(), [SessionEvent::NotSignedIn]), Session::Over);
        assert_eq!(after(Session::Over, [SessionEvent::Found(user("ada"))]), Session::Over);
    }

    #[test]
    fn another_user_in_the_browser_replaces_the_first() {
        assert_eq!(
            after(ada(), [SessionEvent::Found(user("grace"))]),
            Session::signed_in(user("grace"), None)
        );
    }

    #[test]
    fn new_name_keeps_the_chat_token() {
        let renamed = UserResponse { name: "Ada L.".into(), ..user("ada") };
        let state = Session::signed_in(user("ada"), Some(Secret::new("t")));
        assert_eq!(
            after(state, [SessionEvent::Found(renamed.clone())]),
            Session::signed_in(renamed, Some(Secret::new("t")))
        );
    }

    #[test]
    fn failed_sign_out_keeps_the_user_signed_in() {
        let state = after(
            ada(),
            [SessionEvent::SignOutStarted, SessionEvent::SignOutFailed(RequestError::NoResponse)],
        );
        assert_eq!(
            state,
            Session::SignedIn {
                user: user("ada"),
                chat_token: None,
                sign_out: SignOut::Failed(RequestError::NoResponse)
            }
        );
    }

    #[test]
    fn session_events_are_ignored_during_sign_out() {
        let running = after(ada(), [SessionEvent::SignOutStarted]);
        assert_eq!(after(running.clone(), [SessionEvent::NotSignedIn]), running);
        assert_eq!(after(running.clone(), [SessionEvent::Found(user("grace"))]), running);
    }

    #[test]
    fn event_without_change_keeps_the_same_rc() {
        let state = Rc::new(ada());
        assert!(Rc::ptr_eq(&state.clone().reduce(SessionEvent::Found(user("ada"))), &state));
    }
}
