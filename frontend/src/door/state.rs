//! The states of the page before anybody is signed in, and what leads from one to the other. No DOM, no network: the
//! provider tells it what happened. The rule that the rest follows from: no answer is not "signed out", so only
//! the server's word brings up the form.

use crate::mark::Reason;
use std::rc::Rc;
use yew::Reducible;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Door {
    /// The server has not yet said who is signed in.
    Asking,
    /// Nobody is.
    Open {
        /// Why, when the person would wonder.
        reason: Option<Reason>,
    },
    /// The server could not be asked.
    Unreachable { tries: u32 },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DoorEvent {
    /// The server says that nobody is signed in. `remembered` is what this tab knows of the time before it was loaded.
    NotSignedIn { remembered: Option<Reason> },
    /// The server could not be asked, or the rest of the page not be loaded from it.
    NoAnswer,
}

impl Door {
    fn next(&self, event: DoorEvent) -> Self {
        match (self, event) {
            (Self::Open { reason: Some(reason) }, DoorEvent::NotSignedIn { .. }) => {
                Self::Open { reason: Some(*reason) }
            }
            (_, DoorEvent::NotSignedIn { remembered }) => Self::Open { reason: remembered },
            (Self::Asking | Self::Open { .. }, DoorEvent::NoAnswer) => Self::Unreachable { tries: 1 },
            (Self::Unreachable { tries }, DoorEvent::NoAnswer) => {
                Self::Unreachable { tries: tries.saturating_add(1) }
            }
        }
    }
}

impl Reducible for Door {
    type Action = DoorEvent;

    fn reduce(self: Rc<Self>, event: DoorEvent) -> Rc<Self> {
        let next = self.next(event);
        // The same Rc tells Yew that there is nothing to show anew.
        if *self == next { self } else { Rc::new(next) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(start: Door, events: impl IntoIterator<Item = DoorEvent>) -> Door {
        events.into_iter().fold(start, |state, event| state.next(event))
    }

    const NOBODY: DoorEvent = DoorEvent::NotSignedIn { remembered: None };

    #[test]
    fn a_first_visit_ends_at_the_form_without_a_word() {
        assert_eq!(after(Door::Asking, [NOBODY]), Door::Open { reason: None });
    }

    #[test]
    fn no_answer_is_not_signed_out() {
        let state = after(Door::Asking, [DoorEvent::NoAnswer, DoorEvent::NoAnswer]);
        assert_eq!(state, Door::Unreachable { tries: 2 });
        assert_eq!(after(state, [NOBODY]), Door::Open { reason: None });
    }

    #[test]
    fn what_the_tab_remembers_is_the_reason_after_a_reload() {
        for reason in [Reason::Ended, Reason::SignedOut, Reason::Deleted] {
            let nobody = DoorEvent::NotSignedIn { remembered: Some(reason) };
            let open = Door::Open { reason: Some(reason) };
            assert_eq!(after(Door::Asking, [nobody.clone()]), open);
            // The form may be there before it is known why.
            assert_eq!(after(Door::Open { reason: None }, [nobody]), open);
        }
    }

    #[test]
    fn a_late_refusal_does_not_change_the_reason_that_is_shown() {
        let ended = Door::Open { reason: Some(Reason::Ended) };
        assert_eq!(after(ended.clone(), [NOBODY]), ended);
    }

    #[test]
    fn a_chat_that_cannot_be_loaded_after_the_form_is_a_server_that_cannot_be_reached() {
        assert_eq!(after(Door::Open { reason: None }, [DoorEvent::NoAnswer]), Door::Unreachable { tries: 1 });
    }

    #[test]
    fn an_event_that_changes_nothing_keeps_the_same_state() {
        let state = Rc::new(Door::Open { reason: None });
        assert!(Rc::ptr_eq(&state.clone().reduce(NOBODY), &state));
    }
}
