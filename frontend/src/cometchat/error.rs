//! The SDK's errors, which are plain objects in JavaScript, as one enum.

use crate::browser::timer::{PromiseError, with_timeout};
use js_sys::{Promise, Reflect};
use wasm_bindgen::JsValue;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SdkError {
    #[error("the SDK could not be loaded")]
    NotLoaded,
    #[error("CometChat could not be reached")]
    NotReached,
    #[error("CometChat did not respond in time")]
    TimedOut,
    /// The token is unknown or revoked, and the SDK has dropped its session.
    #[error("CometChat does not know the token")]
    TokenNotFound,
    /// A login that hangs blocks all later ones until the page is reloaded.
    #[error("a login to CometChat is still under way")]
    LoginInProgress,
    #[error("CometChat: {0}")]
    Other(String),
}

impl SdkError {
    fn classify(code: &str, name: &str, message: &str) -> Self {
        match (code, name) {
            ("AUTH_ERR_AUTH_TOKEN_NOT_FOUND", _) => Self::TokenNotFound,
            ("FAILED_TO_FETCH", _) => Self::NotReached,
            // The code of this one is a number without a meaning.
            (_, "LOGIN_IN_PROGRESS") => Self::LoginInProgress,
            _ => {
                let description = [code, name, message].into_iter().find(|text| !text.is_empty());
                Self::Other(description.unwrap_or("no reason given").to_owned())
            }
        }
    }
}

impl From<JsValue> for SdkError {
    fn from(error: JsValue) -> Self {
        let text = |key: &str| {
            let value = Reflect::get(&error, &JsValue::from_str(key)).unwrap_or_default();
            value.as_string().or_else(|| value.as_f64().map(|number| number.to_string())).unwrap_or_default()
        };
        Self::classify(&text("code"), &text("name"), &text("message"))
    }
}

/// Returns what a call of the SDK resolves to. The SDK has no timeouts, and an unexpected response leaves
/// its promises pending forever.
pub async fn call(promise: Result<Promise, JsValue>, timeout_ms: u32) -> Result<JsValue, SdkError> {
    with_timeout(promise?, timeout_ms).await.map_err(|error| match error {
        PromiseError::Rejected(error) => error.into(),
        PromiseError::TimedOut => SdkError::TimedOut,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_is_classified_by_code() {
        let message = "The auth token x does not exist.";
        assert_eq!(SdkError::classify("AUTH_ERR_AUTH_TOKEN_NOT_FOUND", "", message), SdkError::TokenNotFound);
        assert_eq!(SdkError::classify("FAILED_TO_FETCH", "FAILED_TO_FETCH", "m"), SdkError::NotReached);
    }

    #[test]
    fn login_in_progress_is_classified_by_name() {
        assert_eq!(SdkError::classify("-1", "LOGIN_IN_PROGRESS", "m"), SdkError::LoginInProgress);
        assert_eq!(SdkError::classify("-1", "OTHER", "m"), SdkError::Other("-1".into()));
    }

    #[test]
    fn unknown_error_keeps_its_description() {
        assert_eq!(SdkError::classify("", "TypeError", "m"), SdkError::Other("TypeError".into()));
        assert_eq!(SdkError::classify("", "", "m"), SdkError::Other("m".into()));
        assert_eq!(SdkError::classify("", "", ""), SdkError::Other("no reason given".into()));
    }
}
