//! The state machine of the login pages, without DOM or network.
//!
//! No response is not "signed out": only the server's own answer shows the form.

use crate::sign_out_reason::SignOutReason;
use std::rc::Rc;
use yew::Reducible;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthState {
    /// The server has not yet said whether a session exists.
    Checking,
    SignedOut {
        /// Why, if the user was signed in before.
        reason: Option<SignOutReason>,
    },
    /// The server does not respond.
    Unreachable { attempts: u32 },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthEvent {
    /// The server says that there is no session. `saved` is the reason that this tab kept over the reload.
    NotSignedIn { saved: Option<SignOutReason> },
    /// The server did not respond, or the app could not be loaded from it.
    NoResponse,
}

impl AuthState {
    fn next(&self, event: AuthEvent) -> Self {
        match (self, event) {
            (Self::SignedOut { reason: Some(reason) }, AuthEvent::NotSignedIn { .. }) => {
                Self::SignedOut { reason: Some(*reason) }
            }
            (_, AuthEvent::NotSignedIn { saved }) => Self::SignedOut { reason: saved },
            (Self::Checking | Self::SignedOut { .. }, AuthEvent::NoResponse) => {
                Self::Unreachable { attempts: 1 }
            }
            (Self::Unreachable { attempts }, AuthEvent::NoResponse) => {
                Self::Unreachable { attempts: attempts.saturating_add(1) }
            }
        }
    }
}

impl Reducible for AuthState {
    type Action = AuthEvent;

    fn reduce(self: Rc<Self>, event: AuthEvent) -> Rc<Self> {
        let next = self.next(event);
        // Yew renders again only if the Rc is another one.
        if *self == next { self } else { Rc::new(next) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(start: AuthState, events: impl IntoIterator<Item = AuthEvent>) -> AuthState {
        events.into_iter().fold(start, |state, event| state.next(event))
    }

    const NOT_SIGNED_IN: AuthEvent = AuthEvent::NotSignedIn { saved: None };

    #[test]
    fn first_visit_shows_the_form_without_a_reason() {
        assert_eq!(after(AuthState::Checking, [NOT_SIGNED_IN]), AuthState::SignedOut { reason: None });
    }

    #[test]
    fn no_response_is_not_signed_out() {
        let state = after(AuthState::Checking, [AuthEvent::NoResponse, AuthEvent::NoResponse]);
        assert_eq!(state, AuthState::Unreachable { attempts: 2 });
        assert_eq!(after(state, [NOT_SIGNED_IN]), AuthState::SignedOut { reason: None });
    }

    #[test]
    fn saved_reason_is_shown_after_a_reload() {
        for reason in [SignOutReason::Ended, SignOutReason::SignedOut, SignOutReason::Deleted] {
            let event = AuthEvent::NotSignedIn { saved: Some(reason) };
            let signed_out = AuthState::SignedOut { reason: Some(reason) };
            assert_eq!(after(AuthState::Checking, [event.clone()]), signed_out);
            // The prerendered form is there before the reason is known.
            assert_eq!(after(AuthState::SignedOut { reason: None }, [event]), signed_out);
        }
    }

    #[test]
    fn late_answer_keeps_the_shown_reason() {
        let ended = AuthState::SignedOut { reason: Some(SignOutReason::Ended) };
        assert_eq!(after(ended.clone(), [NOT_SIGNED_IN]), ended);
    }

    #[test]
    fn app_that_fails_to_load_means_unreachable() {
        let state = after(AuthState::SignedOut { reason: None }, [AuthEvent::NoResponse]);
        assert_eq!(state, AuthState::Unreachable { attempts: 1 });
    }

    #[test]
    fn event_without_change_keeps_the_same_rc() {
        let state = Rc::new(AuthState::SignedOut { reason: None });
        assert!(Rc::ptr_eq(&state.clone().reduce(NOT_SIGNED_IN), &state));
    }
}
