//! CometChat's responses as results: the only place that knows its error codes.
//!
//! A response is classified by `error.code` and not by its HTTP status, because only the codes are documented. No error
//! contains a URL, because the path has the token that is revoked.

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
    /// The user is neither found nor can be created: an operator has deactivated it in CometChat's dashboard.
    #[error("the user is deactivated at CometChat")]
    UserDeactivated,
    #[error("CometChat has no such token")]
    TokenNotFound,
    #[error("CometChat's rate limit is exceeded")]
    RateLimited { retry_after: Option<Duration> },
    /// The app id, region or API key is wrong: no call succeeds until an operator corrects it.
    #[error("CometChat rejects the app id, region or API key ({0}): {advice}", advice = advice(.0))]
    Misconfigured(String),
    /// The call is invalid: a retry cannot succeed.
    #[error("CometChat rejects this call ({0})")]
    Refused(String),
    /// The call's subject cannot be part of a URL, so the call was not made.
    #[error("the call cannot be made: {0}")]
    Unaddressable(&'static str),
    /// No connection: the call had no effect.
    #[error("CometChat cannot be reached: {0}")]
    Unreachable(String),
    /// No response, or an invalid one: the call may have taken effect.
    #[error("CometChat's response is missing or invalid: {0}")]
    UnknownOutcome(String),
}

impl CometChatError {
    /// Returns whether the call may have taken effect.
    pub fn has_unknown_outcome(&self) -> bool {
        matches!(self, Self::UnknownOutcome(_))
    }

    /// Returns the value of the metric's `outcome` label.
    pub fn name(&self) -> &'static str {
        match self {
            Self::UserNotFound => "user_not_found",
            Self::UserExists => "user_exists",
            Self::UserDeactivated => "user_deactivated",
            Self::TokenNotFound => "token_not_found",
            Self::RateLimited { .. } => "rate_limited",
            Self::Misconfigured(_) => "misconfigured",
            Self::Refused(_) => "refused",
            Self::Unaddressable(_) => "unaddressable",
            Self::Unreachable(_) => "unreachable",
            Self::UnknownOutcome(_) => "unknown_outcome",
        }
    }

    /// Returns whether CometChat failed, as opposed to rejecting the call.
    pub fn is_outage(&self) -> bool {
        matches!(self, Self::UnknownOutcome(_) | Self::Unreachable(_) | Self::RateLimited { .. })
    }
}

/// Returns what to correct for this error code, and where the right value is found.
fn advice(code: &str) -> &'static str {
    match code {
        "AUTH_ERR_EMPTY_APPID" | "AUTH_ERR_INVALID_APPID" => {
            "there is no such app in this region; copy COMETCHAT_APP_ID and COMETCHAT_REGION from your app's page in \
             CometChat's dashboard"
        }
        "AUTH_ERR_NO_ACCESS" => {
            "the key is an Auth Key; COMETCHAT_API_KEY must be the REST API Key (scope fullAccess) under API & Auth Keys \
             in CometChat's dashboard"
        }
        _ => {
            "the key is unknown; COMETCHAT_API_KEY must be the REST API Key (scope fullAccess) of this app, under API & \
             Auth Keys in CometChat's dashboard"
        }
    }
}

pub(super) fn from_reqwest(error: reqwest::Error) -> CometChatError {
    let connect = error.is_connect();
    let error = error.without_url();
    // reqwest's message is only "error sending request". The operator needs the last cause.
    let mut cause: &dyn std::error::Error = &error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    let message = cause.to_string();
    if connect { CometChatError::Unreachable(message) } else { CometChatError::UnknownOutcome(message) }
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

pub fn parse_response(
    status: StatusCode,
    retry_after: Option<Duration>,
    body: &[u8],
) -> Result<Value, CometChatError> {
    if status == StatusCode::TOO_MANY_REQUESTS {
        return Err(CometChatError::RateLimited { retry_after });
    }
    let response: Envelope = serde_json::from_slice(body).map_err(|_| {
        CometChatError::UnknownOutcome(format!("status {}, not the expected JSON", status.as_u16()))
    })?;
    if let Some(error) = response.error {
        return Err(by_code(status, retry_after, error));
    }
    match response.data {
        Some(data) if status.is_success() => Ok(data),
        _ => {
            Err(CometChatError::UnknownOutcome(format!("status {}, neither data nor error", status.as_u16())))
        }
    }
}

fn by_code(status: StatusCode, retry_after: Option<Duration>, error: ErrorBody) -> CometChatError {
    // The code goes to the log, so only the characters of a code are kept.
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
        // The message of an older CometChat for a taken uid.
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

pub fn decode<T: serde::de::DeserializeOwned>(data: Value) -> Result<T, CometChatError> {
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
