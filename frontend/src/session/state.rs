//! The states of being signed in, and what leads from one to the other. No DOM, no network: the
//! provider tells it what happened. The rule that the rest follows from: no answer is not "signed out",
//! so only the server's word takes a person back to the form.

use crate::api::Failure;
use shared::{LoginResponse, Secret, SessionResponse};
use std::rc::Rc;
use yew::Reducible;

#[derive(Debug, Clone, PartialEq)]
pub enum Session {
    /// The server has not answered yet.
    Unknown,
    SignedOut {
        /// Why, when the person would wonder.
        reason: Option<Reason>,
    },
    SignedIn {
        user: SessionResponse,
        /// The token for CometChat, where signing in has just brought one.
        chat_token: Option<Secret>,
        sign_out: SignOut,
    },
    /// The server could not be asked.
    Unreachable { tries: u32 },
}

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
    /// The server says that nobody is. `remembered` is what this tab knows of the time before it was
    /// loaded.
    NotSignedIn {
        remembered: Option<Reason>,
    },
    /// The server could not be asked.
    NoAnswer,
    /// The form was answered.
    SignedIn(LoginResponse),
    SignOutStarted,
    SignOutFailed(Failure),
}

impl Session {
    fn signed_in(user: SessionResponse, chat_token: Option<Secret>) -> Self {
        Self::SignedIn { user, chat_token, sign_out: SignOut::NotAsked }
    }

    fn next(&self, event: SessionEvent) -> Self {
        use SessionEvent as E;
        match (self, event) {
            // Whoever is signing out is shown as signed in until the page is loaded anew.
            (Self::SignedIn { sign_out: SignOut::Running, .. }, E::Found(_) | E::NotSignedIn { .. }) => {
                self.clone()
            }

            (Self::SignedIn { user, chat_token, sign_out }, E::Found(found)) if user.id == found.id => {
                Self::SignedIn { user: found, chat_token: chat_token.clone(), sign_out: sign_out.clone() }
            }
            (_, E::Found(user)) => Self::signed_in(user, None),

            (Self::SignedIn { .. }, E::NotSignedIn { .. }) => Self::SignedOut { reason: Some(Reason::Ended) },
            (Self::SignedOut { .. }, E::NotSignedIn { .. }) => self.clone(),
            (_, E::NotSignedIn { remembered }) => Self::SignedOut { reason: remembered },

            (Self::Unknown, E::NoAnswer) => Self::Unreachable { tries: 1 },
            (Self::Unreachable { tries }, E::NoAnswer) => {
                Self::Unreachable { tries: tries.saturating_add(1) }
            }
            (_, E::NoAnswer) => self.clone(),

            (_, E::SignedIn(LoginResponse { id, email, name, cometchat_auth_token })) => {
                Self::signed_in(SessionResponse { id, email, name }, cometchat_auth_token)
            }

            // CometChat's token is spent by then, whether or not the rest of signing out works.
            (Self::SignedIn { user, .. }, E::SignOutStarted) => {
                Self::SignedIn { user: user.clone(), chat_token: None, sign_out: SignOut::Running }
            }
            (Self::SignedIn { user, .. }, E::SignOutFailed(failure)) => {
                Self::SignedIn { user: user.clone(), chat_token: None, sign_out: SignOut::Failed(failure) }
            }
            (_, E::SignOutStarted | E::SignOutFailed(_)) => self.clone(),
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
        Session::signed_in(user("ada"), None)
    }

    const NOBODY: SessionEvent = SessionEvent::NotSignedIn { remembered: None };

    #[test]
    fn a_first_visit_ends_at_the_form_without_a_word() {
        assert_eq!(after(Session::Unknown, [NOBODY]), Session::SignedOut { reason: None });
    }

    #[test]
    fn a_reload_restores_the_session() {
        assert_eq!(after(Session::Unknown, [SessionEvent::Found(user("ada"))]), ada());
    }

    #[test]
    fn no_answer_is_not_signed_out() {
        let state = after(Session::Unknown, [SessionEvent::NoAnswer, SessionEvent::NoAnswer]);
        assert_eq!(state, Session::Unreachable { tries: 2 });
        assert_eq!(after(state, [SessionEvent::Found(user("ada"))]), ada());
        assert_eq!(after(ada(), [SessionEvent::NoAnswer]), ada());
    }

    #[test]
    fn a_session_that_the_server_no_longer_knows_has_ended() {
        assert_eq!(after(ada(), [NOBODY]), Session::SignedOut { reason: Some(Reason::Ended) });
    }

    #[test]
    fn what_the_tab_remembers_is_the_reason_after_a_reload() {
        for reason in [Reason::Ended, Reason::SignedOut] {
            let nobody = SessionEvent::NotSignedIn { remembered: Some(reason) };
            assert_eq!(after(Session::Unknown, [nobody]), Session::SignedOut { reason: Some(reason) });
        }
    }

    #[test]
    fn a_late_refusal_does_not_change_the_reason_that_is_shown() {
        let ended = Session::SignedOut { reason: Some(Reason::Ended) };
        assert_eq!(after(ended.clone(), [NOBODY]), ended);
    }

    #[test]
    fn signing_in_brings_the_user_and_the_token_for_cometchat() {
        let answer = LoginResponse {
            id: "ada".into(),
            email: "ada@example.com".into(),
            name: "ada".into(),
            cometchat_auth_token: Some(Secret::new("t")),
        };
        let state = after(Session::SignedOut { reason: None }, [SessionEvent::SignedIn(answer)]);
        assert_eq!(state, Session::signed_in(user("ada"), Some(Secret::new("t"))));
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
        assert_eq!(after(running.clone(), [NOBODY]), running);
        assert_eq!(after(running.clone(), [SessionEvent::Found(user("grace"))]), running);
    }

    #[test]
    fn an_event_that_changes_nothing_keeps_the_same_state() {
        let state = Rc::new(ada());
        assert!(Rc::ptr_eq(&state.clone().reduce(SessionEvent::NoAnswer), &state));
    }
}
