//! The state machine of a form. The values stay in the input elements.

use super::error::FormError;
use shared::FieldErrors;
use std::rc::Rc;
use yew::Reducible;

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Form {
    /// The request is under way.
    pub busy: bool,
    pub password_shown: bool,
    /// Errors by field name.
    pub field_errors: FieldErrors,
    pub error: Option<FormError>,
    /// Number of failed attempts. With a new number, screen readers announce the same text again.
    pub failures: u32,
    pub successes: u32,
    /// The last attempt succeeded, and nothing was edited since.
    pub done: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub enum FormEvent {
    PasswordShown(bool),
    /// The user typed into the field of this name.
    Edited(String),
    /// Validation failed before sending.
    Invalid(FieldErrors),
    Sent,
    Failed(FormError),
    Done,
}

impl Form {
    fn next(&self, event: FormEvent) -> Self {
        let Self { failures, successes, .. } = *self;
        match event {
            FormEvent::PasswordShown(password_shown) => Self { password_shown, ..self.clone() },
            FormEvent::Edited(field) => {
                let mut form = Self { done: false, ..self.clone() };
                form.field_errors.remove(&field);
                form
            }
            FormEvent::Invalid(field_errors) => {
                Self { field_errors, failures: failures + 1, successes, ..Self::default() }
            }
            // The last error stays until the response comes, so that the form does not jump.
            FormEvent::Sent => Self {
                busy: true,
                password_shown: false,
                field_errors: FieldErrors::new(),
                done: false,
                ..self.clone()
            },
            FormEvent::Failed(error) => Self {
                field_errors: error.fields.clone(),
                // An error shown at a field is not repeated above the form.
                error: Some(error).filter(|error| error.fields.is_empty()),
                failures: failures + 1,
                successes,
                ..Self::default()
            },
            FormEvent::Done => Self { failures, successes: successes + 1, done: true, ..Self::default() },
        }
    }

    /// Returns the field to focus, and whether to select its value.
    pub fn focus(&self, fields: &[&'static str]) -> Option<(&'static str, bool)> {
        let wrong = self.error.as_ref().is_some_and(|error| error.is_wrong_password);
        let invalid = fields.iter().find(|field| self.field_errors.contains_key(**field));
        invalid.map(|field| (*field, false)).or_else(|| wrong.then_some(("password", true)))
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
    use crate::api::RequestError;
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
        FormEvent::Failed(FormError::new(&RequestError::Rejected(error), 0.0, None))
    }

    fn invalid(email: &str) -> FormEvent {
        FormEvent::Invalid(LoginRequest { email: email.into(), password: Secret::default() }.validate())
    }

    #[test]
    fn focus_goes_to_the_first_invalid_field() {
        assert_eq!(after([invalid("")]).focus(&FIELDS), Some(("email", false)));
        assert_eq!(after([invalid("ada@example.com")]).focus(&FIELDS), Some(("password", false)));
    }

    #[test]
    fn wrong_password_is_selected() {
        assert_eq!(after([failed(ErrorCode::InvalidCredentials)]).focus(&FIELDS), Some(("password", true)));
        assert_eq!(after([failed(ErrorCode::Overloaded)]).focus(&FIELDS), None);
    }

    #[test]
    fn editing_a_field_clears_its_error_alone() {
        let form = after([invalid(""), FormEvent::Edited("email".into())]);
        assert_eq!(form.field_errors.keys().collect::<Vec<_>>(), ["password"]);
    }

    #[test]
    fn sending_hides_the_password() {
        let form = after([FormEvent::PasswordShown(true), FormEvent::Sent]);
        assert!(form.busy && !form.password_shown);
    }

    #[test]
    fn last_error_stays_until_the_response() {
        let form = after([failed(ErrorCode::InvalidCredentials), FormEvent::Sent]);
        assert!(form.busy && form.error.is_some());
    }

    #[test]
    fn repeated_error_is_announced_again() {
        let once = after([FormEvent::Sent, failed(ErrorCode::InvalidCredentials)]);
        let twice = once.next(FormEvent::Sent).next(failed(ErrorCode::InvalidCredentials));
        assert_eq!(once.error, twice.error);
        assert_ne!(once.failures, twice.failures);
        assert!(!twice.busy);
    }

    #[test]
    fn field_error_is_not_repeated_above_the_form() {
        let error = ApiError {
            code: ErrorCode::EmailTaken,
            message: "taken".into(),
            request_id: "r".into(),
            retry_after_seconds: None,
            fields: None,
        };
        let form = after([FormEvent::Failed(FormError::new(&RequestError::Rejected(error), 0.0, None))]);
        assert!(form.error.is_none() && form.field_errors.contains_key("email"));
    }

    #[test]
    fn success_is_shown_until_the_next_edit() {
        let form = after([failed(ErrorCode::Overloaded), FormEvent::Sent, FormEvent::Done]);
        assert!(form.done && !form.busy && form.error.is_none());
        assert_eq!((form.failures, form.successes), (1, 1));
        assert!(!form.next(FormEvent::Edited("name".into())).done);
    }
}
