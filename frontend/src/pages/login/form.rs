//! What the form shows, as a state machine: never what is typed, which stays in the fields.

use super::trouble::Trouble;
use shared::Fields;
use std::rc::Rc;
use yew::Reducible;

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Form {
    /// An answer is awaited.
    pub busy: bool,
    pub password_shown: bool,
    /// What is wrong with which field.
    pub faults: Fields,
    pub trouble: Option<Trouble>,
    /// How often it was sent in vain. A new number has the same words read out anew.
    pub failures: u32,
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
}

/// Where the cursor belongs after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Focus {
    Email,
    Password,
    /// With all of it selected, to be typed over.
    WrongPassword,
}

impl Form {
    fn next(&self, event: FormEvent) -> Self {
        match event {
            FormEvent::PasswordShown(password_shown) => Self { password_shown, ..self.clone() },
            FormEvent::Edited(field) => {
                let mut form = self.clone();
                form.faults.remove(&field);
                form
            }
            FormEvent::Incomplete(faults) => Self { faults, failures: self.failures + 1, ..Self::default() },
            // The last failure stays in sight until there is an answer: the form does not jump.
            FormEvent::Sent => {
                Self { busy: true, password_shown: false, faults: Fields::new(), ..self.clone() }
            }
            FormEvent::Failed(trouble) => Self {
                faults: trouble.faults.clone(),
                trouble: Some(trouble),
                failures: self.failures + 1,
                ..Self::default()
            },
        }
    }

    /// The first field that failed.
    pub fn focus(&self) -> Option<Focus> {
        if self.faults.contains_key("email") {
            Some(Focus::Email)
        } else if self.faults.contains_key("password") {
            Some(Focus::Password)
        } else if self.trouble.as_ref().is_some_and(|trouble| trouble.wrong_password) {
            Some(Focus::WrongPassword)
        } else {
            None
        }
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
        FormEvent::Failed(Trouble::new(&Failure::Refused(error), 0.0))
    }

    fn incomplete(email: &str) -> FormEvent {
        FormEvent::Incomplete(LoginRequest { email: email.into(), password: Secret::default() }.faults())
    }

    #[test]
    fn the_cursor_goes_to_the_first_field_that_failed() {
        assert_eq!(after([incomplete("")]).focus(), Some(Focus::Email));
        assert_eq!(after([incomplete("ada@example.com")]).focus(), Some(Focus::Password));
    }

    #[test]
    fn a_wrong_password_is_selected_to_be_typed_over() {
        assert_eq!(after([failed(ErrorCode::InvalidCredentials)]).focus(), Some(Focus::WrongPassword));
        assert_eq!(after([failed(ErrorCode::Overloaded)]).focus(), None);
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
}
