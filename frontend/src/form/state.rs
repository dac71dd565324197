//! What a form shows, as a state machine: never what is typed, which stays in the fields.

use super::trouble::Trouble;
use shared::Fields;
use std::rc::Rc;
use yew::Reducible;

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Form {
    /// An answer is awaited.
    pub busy: bool,
    pub password_shown: bool,
    /// What is wrong with which field, by its name on the wire.
    pub faults: Fields,
    pub trouble: Option<Trouble>,
    /// How often it was sent in vain. A new number has the same words read out anew.
    pub failures: u32,
    /// How often it was sent with success.
    pub successes: u32,
    /// The last thing that happened was a success.
    pub done: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub enum FormEvent {
    PasswordShown(bool),
    /// The person types in the field of this name.
    Edited(String),
    /// There is no use in sending what was typed.
    Incomplete(Fields),
    Sent,
    Failed(Trouble),
    Done,
}

impl Form {
    fn next(&self, event: FormEvent) -> Self {
        let Self { failures, successes, .. } = *self;
        match event {
            FormEvent::PasswordShown(password_shown) => Self { password_shown, ..self.clone() },
            FormEvent::Edited(field) => {
                let mut form = Self { done: false, ..self.clone() };
                form.faults.remove(&field);
                form
            }
            FormEvent::Incomplete(faults) => {
                Self { faults, failures: failures + 1, successes, ..Self::default() }
            }
            // The last failure stays in sight until there is an answer: the form does not jump.
            FormEvent::Sent => {
                Self { busy: true, password_shown: false, faults: Fields::new(), done: false, ..self.clone() }
            }
            FormEvent::Failed(trouble) => Self {
                faults: trouble.faults.clone(),
                // What is said at a field need not be said above the form too.
                trouble: Some(trouble).filter(|trouble| trouble.faults.is_empty()),
                failures: failures + 1,
                successes,
                ..Self::default()
            },
            FormEvent::Done => Self { failures, successes: successes + 1, done: true, ..Self::default() },
        }
    }

    /// The first of these fields that failed, and whether what it holds is to be typed over.
    pub fn focus(&self, fields: &[&'static str]) -> Option<(&'static str, bool)> {
        let wrong = self.trouble.as_ref().is_some_and(|trouble| trouble.wrong_password);
        let faulty = fields.iter().find(|field| self.faults.contains_key(**field));
        faulty.map(|field| (*field, false)).or_else(|| wrong.then_some(("password", true)))
    }
}

impl Reducible for Form {
    type Action = FormEvent;

    fn reduce(self: Rc<Self>, event: FormEvent) -> Rc<Self> {
        let next = self.next(event);
        if *self == next { self } else { Rc::new(next) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Failure;
    use shared::{ApiError, ErrorCode, LoginRequest, Secret};

    const FIELDS: [&str; 2] = ["email", "password"];

    fn after(events: impl IntoIterator<Item = FormEvent>) -> Form {
        events.into_iter().fold(Form::default(), |form, event| form.next(event))
    }

    fn failed(code: ErrorCode) -> FormEvent {
        let error = ApiError {
            code,
            message: "m".into(),
            request_id: "r".into(),
            retry_after_seconds: None,
            fields: None,
        };
        FormEvent::Failed(Trouble::new(&Failure::Refused(error), 0.0, None))
    }

    fn incomplete(email: &str) -> FormEvent {
        FormEvent::Incomplete(LoginRequest { email: email.into(), password: Secret::default() }.faults())
    }

    #[test]
    fn the_cursor_goes_to_the_first_field_that_failed() {
        assert_eq!(after([incomplete("")]).focus(&FIELDS), Some(("email", false)));
        assert_eq!(after([incomplete("ada@example.com")]).focus(&FIELDS), Some(("password", false)));
    }

    #[test]
    fn a_wrong_password_is_selected_to_be_typed_over() {
        assert_eq!(after([failed(ErrorCode::InvalidCredentials)]).focus(&FIELDS), Some(("password", true)));
        assert_eq!(after([failed(ErrorCode::Overloaded)]).focus(&FIELDS), None);
    }

    #[test]
    fn a_fault_goes_away_when_its_field_is_typed_in_and_the_others_stay() {
        let form = after([incomplete(""), FormEvent::Edited("email".into())]);
        assert_eq!(form.faults.keys().collect::<Vec<_>>(), ["password"]);
    }

    #[test]
    fn sending_hides_the_password() {
        let form = after([FormEvent::PasswordShown(true), FormEvent::Sent]);
        assert!(form.busy && !form.password_shown);
    }

    #[test]
    fn the_last_failure_stays_in_sight_until_there_is_an_answer() {
        let form = after([failed(ErrorCode::InvalidCredentials), FormEvent::Sent]);
        assert!(form.busy && form.trouble.is_some());
    }

    #[test]
    fn the_same_failure_again_is_a_new_one() {
        let once = after([FormEvent::Sent, failed(ErrorCode::InvalidCredentials)]);
        let twice = once.next(FormEvent::Sent).next(failed(ErrorCode::InvalidCredentials));
        assert_eq!(once.trouble, twice.trouble);
        assert_ne!(once.failures, twice.failures);
        assert!(!twice.busy);
    }

    #[test]
    fn what_is_said_at_a_field_is_not_said_above_the_form_too() {
        let error = ApiError {
            code: ErrorCode::EmailTaken,
            message: "taken".into(),
            request_id: "r".into(),
            retry_after_seconds: None,
            fields: None,
        };
        let form = after([FormEvent::Failed(Trouble::new(&Failure::Refused(error), 0.0, None))]);
        assert!(form.trouble.is_none() && form.faults.contains_key("email"));
    }

    #[test]
    fn a_success_is_told_until_the_next_edit() {
        let form = after([failed(ErrorCode::Overloaded), FormEvent::Sent, FormEvent::Done]);
        assert!(form.done && !form.busy && form.trouble.is_none());
        assert_eq!((form.failures, form.successes), (1, 1));
        assert!(!form.next(FormEvent::Edited("name".into())).done);
    }
}
