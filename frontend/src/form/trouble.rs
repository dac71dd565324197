//! What a form says when it was sent in vain: different words for what a person can do different things
//! about.

use crate::api::Failure;
use shared::{ErrorCode, Fields};

/// A failed attempt, as the form shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Trouble {
    /// For programs.
    pub code: String,
    pub words: String,
    /// Until when (milliseconds since 1970) it is no use to try again.
    pub until: Option<f64>,
    /// The id under which the server's log has the cause, where a person cannot mend it.
    pub reference: Option<String>,
    /// What the server found wrong with the fields.
    pub faults: Fields,
    /// The password is what most likely has to be typed anew.
    pub wrong_password: bool,
}

impl Trouble {
    /// `proof` is the field in which somebody who is signed in proves who they are.
    pub fn new(failure: &Failure, now_ms: f64, proof: Option<&str>) -> Self {
        let mut trouble = Self {
            code: code(failure),
            words: String::new(),
            until: None,
            reference: None,
            faults: Fields::new(),
            wrong_password: false,
        };
        let error = match failure {
            Failure::NoAnswer => {
                trouble.words =
                    "The server cannot be reached. Please check your connection and try again.".to_owned();
                return trouble;
            }
            Failure::Refused(error) => error,
        };
        let wait = error.retry_after_seconds;
        match error.code {
            ErrorCode::InvalidCredentials if proof.is_some() => {
                let words = "This is not your password.".to_owned();
                trouble.faults.extend(proof.map(|field| (field.to_owned(), words)));
            }
            ErrorCode::EmailTaken => {
                trouble.faults.insert("email".to_owned(), error.message.clone());
            }
            ErrorCode::InvalidCredentials => {
                trouble.words = error.message.clone();
                trouble.wrong_password = true;
            }
            ErrorCode::TooManyAttempts => {
                trouble.words = "Too many attempts.".to_owned();
                // The cast is exact for any wait that a person could sit out.
                trouble.until = wait.map(|seconds| now_ms + seconds as f64 * 1_000.0);
            }
            ErrorCode::Overloaded => {
                trouble.words =
                    "The server has too much to do right now. Please try again in a moment.".to_owned();
            }
            ErrorCode::ValidationFailed if error.fields.as_ref().is_some_and(|fields| !fields.is_empty()) => {
                trouble.words = error.message.clone();
                trouble.faults = error.fields.clone().unwrap_or_default();
            }
            _ => {
                trouble.words = error.message.clone();
                trouble.reference = Some(error.request_id.clone());
            }
        }
        trouble
    }
}

/// The server's code as it is on the wire, `unreachable` where there is none.
pub fn code(failure: &Failure) -> String {
    failure
        .code()
        .and_then(|code| serde_json::to_value(code).ok()?.as_str().map(str::to_owned))
        .unwrap_or_else(|| "unreachable".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::ApiError;

    fn refused(code: ErrorCode, wait: Option<u64>, fields: Option<Fields>) -> Trouble {
        let error = ApiError {
            code,
            message: "The server's words.".into(),
            request_id: "0123".into(),
            retry_after_seconds: wait,
            fields,
        };
        Trouble::new(&Failure::Refused(error), 1_000.0, None)
    }

    #[test]
    fn what_a_person_can_do_different_things_about_is_said_differently() {
        let said = [
            Trouble::new(&Failure::NoAnswer, 0.0, None).words,
            refused(ErrorCode::InvalidCredentials, None, None).words,
            refused(ErrorCode::TooManyAttempts, None, None).words,
            refused(ErrorCode::Overloaded, None, None).words,
        ];
        let different: std::collections::BTreeSet<_> = said.iter().collect();
        assert_eq!(different.len(), said.len());
    }

    #[test]
    fn a_wrong_password_is_told_in_the_servers_words() {
        let trouble = refused(ErrorCode::InvalidCredentials, None, None);
        assert_eq!(
            (trouble.code.as_str(), trouble.words.as_str()),
            ("invalid_credentials", "The server's words.")
        );
        assert!(trouble.wrong_password && trouble.reference.is_none());
    }

    #[test]
    fn too_many_attempts_shut_the_form_until_the_wait_is_over() {
        assert_eq!(refused(ErrorCode::TooManyAttempts, Some(30), None).until, Some(31_000.0));
        assert_eq!(refused(ErrorCode::TooManyAttempts, None, None).until, None);
        assert_eq!(refused(ErrorCode::Overloaded, Some(30), None).until, None);
    }

    #[test]
    fn faults_that_only_the_server_finds_go_to_their_fields() {
        let fields = Fields::from([("email".to_owned(), "No.".to_owned())]);
        let trouble = refused(ErrorCode::ValidationFailed, None, Some(fields.clone()));
        assert_eq!(trouble.faults, fields);
    }

    #[test]
    fn what_nobody_but_support_can_mend_says_where_to_look() {
        assert_eq!(refused(ErrorCode::Internal, None, None).reference.as_deref(), Some("0123"));
        assert_eq!(refused(ErrorCode::ValidationFailed, None, None).reference.as_deref(), Some("0123"));
    }

    #[test]
    fn a_wrong_password_of_somebody_who_is_signed_in_is_told_at_its_field() {
        let error = ApiError {
            code: ErrorCode::InvalidCredentials,
            message: "m".into(),
            request_id: "r".into(),
            retry_after_seconds: None,
            fields: None,
        };
        let trouble = Trouble::new(&Failure::Refused(error), 0.0, Some("currentPassword"));
        assert_eq!(trouble.faults.keys().collect::<Vec<_>>(), ["currentPassword"]);
    }

    #[test]
    fn no_answer_has_a_code_of_its_own() {
        assert_eq!(code(&Failure::NoAnswer), "unreachable");
    }
}
