//! The errors that a form shows: one text for each thing that the user can do about them.

use crate::api::RequestError;
use shared::{ErrorCode, FieldErrors};

/// A failed attempt, as the form shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct FormError {
    /// For programs.
    pub code: String,
    pub text: String,
    /// When another attempt is allowed, in milliseconds since 1970.
    pub retry_at: Option<f64>,
    /// The request id to give to support, for errors that the user cannot fix.
    pub reference: Option<String>,
    /// The server's errors by field.
    pub fields: FieldErrors,
    /// Whether the user should type the password again.
    pub is_wrong_password: bool,
}

impl FormError {
    /// `proof_field` is the field in which a signed-in user confirms their password.
    pub fn new(error: &RequestError, now_ms: f64, proof_field: Option<&str>) -> Self {
        let mut shown = Self {
            code: code(error),
            text: String::new(),
            retry_at: None,
            reference: None,
            fields: FieldErrors::new(),
            is_wrong_password: false,
        };
        let error = match error {
            RequestError::NoResponse => {
                shown.text = "Can’t reach the server. Check your connection and try again.".to_owned();
                return shown;
            }
            RequestError::CookieBlocked => {
                shown.text = "You can’t be signed in, because your browser keeps no cookies for this site. \
                              Allow cookies for this site in your browser’s settings, then try again."
                    .to_owned();
                return shown;
            }
            RequestError::Rejected(error) => error,
        };
        let wait = error.retry_after_seconds;
        match error.code {
            ErrorCode::InvalidCredentials if proof_field.is_some() => {
                let text = "Wrong password.".to_owned();
                shown.fields.extend(proof_field.map(|field| (field.to_owned(), text)));
            }
            ErrorCode::EmailTaken => {
                shown.fields.insert("email".to_owned(), error.message.clone());
            }
            ErrorCode::InvalidCredentials => {
                shown.text = error.message.clone();
                shown.is_wrong_password = true;
            }
            ErrorCode::TooManyAttempts => {
                shown.text = "Too many attempts.".to_owned();
                // The cast is exact for any wait that a user could sit out.
                shown.retry_at = wait.map(|seconds| now_ms + seconds as f64 * 1_000.0);
            }
            ErrorCode::Overloaded => {
                shown.text = "The server is busy. Please try again in a moment.".to_owned();
            }
            ErrorCode::ValidationFailed if error.fields.as_ref().is_some_and(|fields| !fields.is_empty()) => {
                shown.text = error.message.clone();
                shown.fields = error.fields.clone().unwrap_or_default();
            }
            _ => {
                shown.text = error.message.clone();
                shown.reference = Some(error.request_id.clone());
            }
        }
        shown
    }
}

/// Returns the server's error code as in JSON, or the page's own code of another error.
pub fn code(error: &RequestError) -> String {
    match error {
        RequestError::NoResponse => "unreachable".to_owned(),
        RequestError::CookieBlocked => "cookie_blocked".to_owned(),
        RequestError::Rejected(error) => {
            let code = serde_json::to_value(error.code).ok();
            code.and_then(|code| code.as_str().map(str::to_owned)).unwrap_or_default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::ApiError;

    fn rejected(code: ErrorCode, wait: Option<u64>, fields: Option<FieldErrors>) -> FormError {
        let error = ApiError {
            code,
            message: "The server's words.".into(),
            request_id: "0123".into(),
            retry_after_seconds: wait,
            fields,
        };
        FormError::new(&RequestError::Rejected(error), 1_000.0, None)
    }

    #[test]
    fn errors_with_different_remedies_have_different_texts() {
        let texts = [
            FormError::new(&RequestError::NoResponse, 0.0, None).text,
            FormError::new(&RequestError::CookieBlocked, 0.0, None).text,
            rejected(ErrorCode::InvalidCredentials, None, None).text,
            rejected(ErrorCode::TooManyAttempts, None, None).text,
            rejected(ErrorCode::Overloaded, None, None).text,
        ];
        let different: std::collections::BTreeSet<_> = texts.iter().collect();
        assert_eq!(different.len(), texts.len());
    }

    #[test]
    fn wrong_password_shows_the_servers_message() {
        let error = rejected(ErrorCode::InvalidCredentials, None, None);
        assert_eq!(
            (error.code.as_str(), error.text.as_str()),
            ("invalid_credentials", "The server's words.")
        );
        assert!(error.is_wrong_password && error.reference.is_none());
    }

    #[test]
    fn too_many_attempts_disable_the_form_for_the_wait() {
        assert_eq!(rejected(ErrorCode::TooManyAttempts, Some(30), None).retry_at, Some(31_000.0));
        assert_eq!(rejected(ErrorCode::TooManyAttempts, None, None).retry_at, None);
        assert_eq!(rejected(ErrorCode::Overloaded, Some(30), None).retry_at, None);
    }

    #[test]
    fn server_side_field_errors_go_to_their_fields() {
        let fields = FieldErrors::from([("email".to_owned(), "No.".to_owned())]);
        let error = rejected(ErrorCode::ValidationFailed, None, Some(fields.clone()));
        assert_eq!(error.fields, fields);
    }

    #[test]
    fn unfixable_error_shows_the_request_id() {
        assert_eq!(rejected(ErrorCode::Internal, None, None).reference.as_deref(), Some("0123"));
        assert_eq!(rejected(ErrorCode::ValidationFailed, None, None).reference.as_deref(), Some("0123"));
    }

    #[test]
    fn wrong_current_password_is_shown_at_its_field() {
        let error = ApiError {
            code: ErrorCode::InvalidCredentials,
            message: "m".into(),
            request_id: "r".into(),
            retry_after_seconds: None,
            fields: None,
        };
        let error = FormError::new(&RequestError::Rejected(error), 0.0, Some("currentPassword"));
        assert_eq!(error.fields.keys().collect::<Vec<_>>(), ["currentPassword"]);
    }

    #[test]
    fn errors_of_the_page_have_their_own_codes() {
        assert_eq!(code(&RequestError::NoResponse), "unreachable");
        assert_eq!(code(&RequestError::CookieBlocked), "cookie_blocked");
    }
}
