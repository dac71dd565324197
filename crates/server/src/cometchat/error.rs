//! What CometChat answers, and what it means: the one place that knows its error codes.
//!
//! An answer is judged by `error.code`, never by its HTTP status, because only the codes are documented. No error
//! here carries a URL: the token to revoke is in its path.

use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::Value;
use std::time::Duration;

#[derive(Debug, thiserror::Error)]
pub enum CometChatError {
    #[error("CometChat has no such user")]
    UserNotFound,
    #[error("CometChat has this user already")]
    UserExists,
    #[error("CometChat has no such token")]
    TokenNotFound,
    #[error("CometChat asks for fewer calls")]
    RateLimited { retry_after: Option<Duration> },
    /// App id, region or API key are wrong: nothing works until a person mends them.
    #[error("CometChat does not accept the app id, region or API key ({0}): {advice}", advice = advice(.0))]
    Misconfigured(String),
    /// This very call is wrong and will be however often it is made.
    #[error("CometChat refuses this call ({0})")]
    Refused(String),
    /// No URL can name what the call is about: it was not made, and never can be.
    #[error("CometChat cannot be asked: {0}")]
    Unaddressable(&'static str),
    /// No connection: the call has certainly done nothing.
    #[error("CometChat cannot be reached: {0}")]
    Unreachable(String),
    /// No answer, or one that makes no sense: nobody knows what the call did.
    #[error("CometChat does not answer as it should: {0}")]
    UnknownOutcome(String),
}

impl CometChatError {
    /// Whether the call may have taken effect all the same.
    pub fn has_unknown_outcome(&self) -> bool {
        matches!(self, Self::UnknownOutcome(_))
    }

    /// In a word, for counting.
    pub fn name(&self) -> &'static str {
        match self {
            Self::UserNotFound => "user_not_found",
            Self::UserExists => "user_exists",
            Self::TokenNotFound => "token_not_found",
            Self::RateLimited { .. } => "rate_limited",
            Self::Misconfigured(_) => "misconfigured",
            Self::Refused(_) => "refused",
            Self::Unaddressable(_) => "unaddressable",
            Self::Unreachable(_) => "unreachable",
            Self::UnknownOutcome(_) => "unknown_outcome",
        }
    }

    /// Whether it says that CometChat is in trouble, and not that the call was wrong.
    pub fn is_outage(&self) -> bool {
        matches!(self, Self::UnknownOutcome(_) | Self::Unreachable(_) | Self::RateLimited { .. })
    }
}

/// What to mend when CometChat answers with this code, and where the right value stands.
fn advice(code: &str) -> &'static str {
    match code {
        "AUTH_ERR_EMPTY_APPID" | "AUTH_ERR_INVALID_APPID" => {
            "it knows no such app in this region; COMETCHAT_APP_ID and COMETCHAT_REGION stand on your app's page in \
             CometChat's dashboard"
        }
        "AUTH_ERR_NO_ACCESS" => {
            "the key may not do this, so it is an Auth Key; COMETCHAT_API_KEY must be the REST API Key (scope \
             fullAccess) under API & Auth Keys in CometChat's dashboard"
        }
        _ => {
            "it does not know the key; COMETCHAT_API_KEY must be the REST API Key (scope fullAccess) of this very app, \
             under API & Auth Keys in CometChat's dashboard"
        }
    }
}

pub(super) fn from_reqwest(error: reqwest::Error) -> CometChatError {
    let connect = error.is_connect();
    let error = error.without_url();
    // reqwest's own words stop at "error sending request"; what the operator needs is the last cause.
    let mut cause: &dyn std::error::Error = &error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    let words = cause.to_string();
    if connect { CometChatError::Unreachable(words) } else { CometChatError::UnknownOutcome(words) }
}

#[derive(Deserialize)]
struct Envelope {
    data: Option<Value>,
    error: Option<ErrorBody>,
}

#[derive(Deserialize)]
struct ErrorBody {
    code: Option<String>,
    details: Option<Value>,
}

pub(crate) fn parse_response(
    status: StatusCode,
    retry_after: Option<Duration>,
    body: &[u8],
) -> Result<Value, CometChatError> {
    if status == StatusCode::TOO_MANY_REQUESTS {
        return Err(CometChatError::RateLimited { retry_after });
    }
    let answer: Envelope = serde_json::from_slice(body).map_err(|_| {
        CometChatError::UnknownOutcome(format!("status {}, and no JSON of its kind", status.as_u16()))
    })?;
    if let Some(error) = answer.error {
        return Err(by_code(status, retry_after, error));
    }
    match answer.data {
        Some(data) if status.is_success() => Ok(data),
        _ => {
            Err(CometChatError::UnknownOutcome(format!("status {}, neither data nor error", status.as_u16())))
        }
    }
}

fn by_code(status: StatusCode, retry_after: Option<Duration>, error: ErrorBody) -> CometChatError {
    // It goes to the log, so only what a code can look like.
    let code: String = error
        .code
        .unwrap_or_default()
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '_')
        .take(64)
        .collect();
    match code.as_str() {
        "ERR_UID_NOT_FOUND" => CometChatError::UserNotFound,
        "ERR_UID_ALREADY_EXISTS" => CometChatError::UserExists,
        // What an older CometChat says of a taken uid.
        "ERR_BAD_REQUEST" if is_uid_taken(error.details.as_ref()) => CometChatError::UserExists,
        "ERR_AUTH_TOKEN_NOT_FOUND" | "AUTH_ERR_AUTH_TOKEN_NOT_FOUND" => CometChatError::TokenNotFound,
        "ERR_TOO_MANY_REQUESTS" => CometChatError::RateLimited { retry_after },
        "ERR_MISSION_FAILED" | "ERR_OPERATION_FAILED" | "ERR_EXCEPTION" | "" => {
            CometChatError::UnknownOutcome(code)
        }
        _ if code.starts_with("AUTH_ERR_") => CometChatError::Misconfigured(code),
        _ if status.is_server_error() => CometChatError::UnknownOutcome(code),
        _ => CometChatError::Refused(code),
    }
}

fn is_uid_taken(details: Option<&Value>) -> bool {
    details
        .and_then(|details| details.get("uid")?.get(0)?.as_str())
        .is_some_and(|words| words.contains("already been taken"))
}

pub(crate) fn decode<T: serde::de::DeserializeOwned>(data: Value) -> Result<T, CometChatError> {
    // Not serde's words: they may quote the answer, and the answer has a token.
    serde_json::from_value(data).map_err(|_| CometChatError::UnknownOutcome("data of another shape".into()))
}

#[cfg(test)]
mod tests {
    use super::super::client::IssuedToken;
    use super::*;
    use serde_json::json;

    fn verdict(status: u16, body: &str) -> String {
        match parse_response(
            StatusCode::from_u16(status).unwrap(),
            Some(Duration::from_secs(7)),
            body.as_bytes(),
        ) {
            Ok(data) => data.to_string(),
            Err(error) => format!("{error:?}"),
        }
    }

    fn error(code: &str) -> String {
        json!({"error": {"code": code, "message": "…"}}).to_string()
    }

    #[test]
    fn error_code_outranks_http_status() {
        for status in [200, 400, 401, 404, 409, 500] {
            assert_eq!(verdict(status, &error("ERR_UID_NOT_FOUND")), "UserNotFound", "{status}");
            assert_eq!(verdict(status, &error("ERR_UID_ALREADY_EXISTS")), "UserExists");
            assert_eq!(verdict(status, &error("ERR_AUTH_TOKEN_NOT_FOUND")), "TokenNotFound");
            assert!(verdict(status, &error("AUTH_ERR_APIKEY_NOT_FOUND")).starts_with("Misconfigured"));
            assert!(verdict(status, &error("ERR_TOO_MANY_REQUESTS")).starts_with("RateLimited"));
        }
        assert_eq!(verdict(200, r#"{"data":{"uid":"u"}}"#), r#"{"uid":"u"}"#);
        assert_eq!(verdict(429, "slow down"), "RateLimited { retry_after: Some(7s) }");
    }

    #[test]
    fn legacy_uid_taken_error_means_user_exists() {
        let older =
            r#"{"error":{"code":"ERR_BAD_REQUEST","details":{"uid":["The uid has already been taken."]}}}"#;
        assert_eq!(verdict(400, older), "UserExists");
        let other =
            r#"{"error":{"code":"ERR_BAD_REQUEST","details":{"name":["The name field is required."]}}}"#;
        assert_eq!(verdict(400, other), r#"Refused("ERR_BAD_REQUEST")"#);
    }

    #[test]
    fn malformed_response_has_unknown_outcome() {
        let bodies =
            ["", "<html>", "null", "[]", "{}", r#"{"data":null}"#, r#"{"error":{}}"#, r#"{"error":7}"#];
        for status in [200, 502] {
            for body in bodies {
                assert!(verdict(status, body).starts_with("UnknownOutcome"), "{status} {body}");
            }
        }
        assert!(verdict(500, r#"{"data":{"uid":"u"}}"#).starts_with("UnknownOutcome"));
        assert!(verdict(503, &error("ERR_SOMETHING_NEW")).starts_with("UnknownOutcome"));
        assert!(matches!(
            decode::<IssuedToken>(json!({"authToken": 7})),
            Err(CometChatError::UnknownOutcome(_))
        ));
    }

    #[test]
    fn error_code_cannot_forge_log_line() {
        let forged = verdict(400, &error("ERR_X\n2026-01-01 INFO all is well"));
        assert!(!forged.contains('\n') && !forged.contains(' '), "{forged}");
    }
}
