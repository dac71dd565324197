//! CometChat's REST API v3: the few calls that this server needs.
//!
//! Knows the wire of CometChat and nothing of ours. An answer is judged by `error.code`, never by its
//! HTTP status, because only the codes are documented. No error here carries a URL: the token to
//! revoke is in its path.

use crate::spent::{Part, measured};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::{family::Family, histogram::Histogram};
use reqwest::{Method, StatusCode, Url, header};
use serde::Deserialize;
use serde_json::{Value, json};
use shared::Secret;
use std::time::{Duration, Instant};

/// An answer longer than this is not one of CometChat's.
const MAX_ANSWER_BYTES: usize = 2 * 1024 * 1024;
/// As many as CometChat gives at once.
const USERS_PER_PAGE: &str = "1000";

#[derive(Debug, thiserror::Error)]
pub enum CallError {
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
    /// No connection: the call has certainly done nothing.
    #[error("CometChat cannot be reached: {0}")]
    Unreachable(String),
    /// No answer, or one that makes no sense: nobody knows what the call did.
    #[error("CometChat does not answer as it should: {0}")]
    Unclear(String),
}

impl CallError {
    /// Whether the call may have taken effect all the same.
    pub fn is_unclear(&self) -> bool {
        matches!(self, Self::Unclear(_))
    }

    /// In a word, for counting.
    fn name(&self) -> &'static str {
        match self {
            Self::UserNotFound => "user_not_found",
            Self::UserExists => "user_exists",
            Self::TokenNotFound => "token_not_found",
            Self::RateLimited { .. } => "rate_limited",
            Self::Misconfigured(_) => "misconfigured",
            Self::Refused(_) => "refused",
            Self::Unreachable(_) => "unreachable",
            Self::Unclear(_) => "unclear",
        }
    }

    /// Whether it says that CometChat is in trouble, and not that the call was wrong.
    pub fn is_outage(&self) -> bool {
        matches!(self, Self::Unclear(_) | Self::Unreachable(_) | Self::RateLimited { .. })
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

/// A token that CometChat knows.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IssuedToken {
    pub auth_token: Secret,
    /// Unix seconds, by CometChat's clock.
    #[serde(default)]
    pub created_at: i64,
}

/// A user that CometChat knows.
#[derive(Deserialize)]
pub struct Known {
    pub uid: String,
    #[serde(default)]
    pub name: String,
}

/// Where CometChat's REST API is, and the key that opens it.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// `https://{appId}.api-{region}.cometchat.io/v3`, or the emulator's `http://…/v3`.
    pub base: Url,
    pub app_id: String,
    pub api_key: Secret,
}

/// Which call, and what became of it, in a word.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Labels {
    call: &'static str,
    outcome: &'static str,
}

/// The client. Connections are kept alive and reused.
pub struct Client {
    http: reqwest::Client,
    endpoint: Endpoint,
    /// How long its calls took, in seconds.
    pub calls: Family<Labels, Histogram>,
}

fn histogram() -> Histogram {
    Histogram::new([0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 2.5, 5.0, 10.0])
}

impl Client {
    pub fn new(http: reqwest::Client, endpoint: Endpoint) -> Self {
        Self { http, endpoint, calls: Family::new_with_constructor(histogram) }
    }

    /// A new token for `uid`, whatever tokens there are already.
    pub async fn mint(&self, uid: &str) -> Result<Secret, CallError> {
        let data = self
            .call("mint", Method::POST, &["users", uid, "auth_tokens"], Some(json!({"force": true})))
            .await?;
        decode::<IssuedToken>(data).map(|issued| issued.auth_token)
    }

    /// Makes the user and a token for them in one call.
    pub async fn create_user_with_token(&self, uid: &str, name: &str) -> Result<Secret, CallError> {
        let body = json!({"uid": uid, "name": name, "withAuthToken": true});
        let data = self.call("create_user", Method::POST, &["users"], Some(body)).await?;
        decode::<IssuedToken>(data).map(|issued| issued.auth_token)
    }

    pub async fn create_user(&self, uid: &str, name: &str) -> Result<(), CallError> {
        self.call("create_user", Method::POST, &["users"], Some(json!({"uid": uid, "name": name}))).await?;
        Ok(())
    }

    pub async fn rename_user(&self, uid: &str, name: &str) -> Result<(), CallError> {
        self.call("rename_user", Method::PUT, &["users", uid], Some(json!({"name": name}))).await?;
        Ok(())
    }

    /// Deletes the user for good, with all their tokens. (Without `permanent` the uid would stay taken by
    /// somebody who can neither sign in nor be made again.)
    pub async fn delete_user(&self, uid: &str) -> Result<(), CallError> {
        self.call("delete_user", Method::DELETE, &["users", uid], Some(json!({"permanent": true}))).await?;
        Ok(())
    }

    /// One page of all users, counted from 1; an empty one comes after the last.
    pub async fn users(&self, page: u32) -> Result<Vec<Known>, CallError> {
        let page = page.to_string();
        let query = [("perPage", USERS_PER_PAGE), ("page", page.as_str())];
        decode(self.measured("list_users", self.send(Method::GET, &["users"], &query, None)).await?)
    }

    /// Whether app id, region and key belong together and the key may do what this server needs.
    pub async fn try_key(&self) -> Result<(), CallError> {
        let query = [("perPage", "1")];
        self.measured("try_key", self.send(Method::GET, &["users"], &query, None)).await.map(drop)
    }

    pub async fn revoke(&self, uid: &str, token: &str) -> Result<(), CallError> {
        self.call("revoke", Method::DELETE, &["users", uid, "auth_tokens", token], None).await?;
        Ok(())
    }

    /// Every live token of `uid`: CometChat keeps at most 100.
    pub async fn tokens(&self, uid: &str) -> Result<Vec<IssuedToken>, CallError> {
        decode(self.call("list_tokens", Method::GET, &["users", uid, "auth_tokens"], None).await?)
    }

    async fn call(
        &self,
        name: &'static str,
        method: Method,
        path: &[&str],
        body: Option<Value>,
    ) -> Result<Value, CallError> {
        self.measured(name, self.send(method, path, &[], body)).await
    }

    async fn measured(
        &self,
        call: &'static str,
        answer: impl Future<Output = Result<Value, CallError>>,
    ) -> Result<Value, CallError> {
        let started = Instant::now();
        // Also when nobody waits for the answer any more.
        let mut outcome = Outcome { client: self, call, started, outcome: "given_up" };
        let answer = measured(Part::CometChat, answer).await;
        outcome.outcome = answer.as_ref().err().map_or("ok", CallError::name);
        answer
    }

    /// One call; the `data` of its answer.
    async fn send(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
        body: Option<Value>,
    ) -> Result<Value, CallError> {
        let mut url = self.endpoint.base.clone();
        url.path_segments_mut()
            .map_err(|()| CallError::Misconfigured("the base URL takes no path".into()))?
            .pop_if_empty()
            .extend(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let mut request = self
            .http
            .request(method, url)
            .header("apikey", self.endpoint.api_key.expose())
            .header("appid", &self.endpoint.app_id)
            .header(header::ACCEPT, "application/json");
        if let Some(body) = body {
            request = request.json(&body);
        }
        let mut answer = request.send().await.map_err(unanswered)?;
        let status = answer.status();
        let retry_after = answer
            .headers()
            .get(header::RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.trim().parse().ok())
            .map(Duration::from_secs);
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(unanswered)? {
            body.extend_from_slice(&chunk);
            if body.len() > MAX_ANSWER_BYTES {
                return Err(CallError::Unclear("the answer is too long".into()));
            }
        }
        judge(status, retry_after, &body)
    }
}

/// Counts a call when it is over, however it is over.
struct Outcome<'a> {
    client: &'a Client,
    call: &'static str,
    started: Instant,
    outcome: &'static str,
}

impl Drop for Outcome<'_> {
    fn drop(&mut self) {
        let labels = Labels { call: self.call, outcome: self.outcome };
        self.client.calls.get_or_create(&labels).observe(self.started.elapsed().as_secs_f64());
    }
}

fn unanswered(error: reqwest::Error) -> CallError {
    let connect = error.is_connect();
    let error = error.without_url();
    // reqwest's own words stop at "error sending request"; what the operator needs is the last cause.
    let mut cause: &dyn std::error::Error = &error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    let words = cause.to_string();
    if connect { CallError::Unreachable(words) } else { CallError::Unclear(words) }
}

#[derive(Deserialize)]
struct Answer {
    data: Option<Value>,
    error: Option<ErrorBody>,
}

#[derive(Deserialize)]
struct ErrorBody {
    code: Option<String>,
    details: Option<Value>,
}

fn judge(status: StatusCode, retry_after: Option<Duration>, body: &[u8]) -> Result<Value, CallError> {
    if status == StatusCode::TOO_MANY_REQUESTS {
        return Err(CallError::RateLimited { retry_after });
    }
    let answer: Answer = serde_json::from_slice(body)
        .map_err(|_| CallError::Unclear(format!("status {}, and no JSON of its kind", status.as_u16())))?;
    if let Some(error) = answer.error {
        return Err(by_code(status, retry_after, error));
    }
    match answer.data {
        Some(data) if status.is_success() => Ok(data),
        _ => Err(CallError::Unclear(format!("status {}, neither data nor error", status.as_u16()))),
    }
}

fn by_code(status: StatusCode, retry_after: Option<Duration>, error: ErrorBody) -> CallError {
    // It goes to the log, so only what a code can look like.
    let code: String = error
        .code
        .unwrap_or_default()
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '_')
        .take(64)
        .collect();
    match code.as_str() {
        "ERR_UID_NOT_FOUND" => CallError::UserNotFound,
        "ERR_UID_ALREADY_EXISTS" => CallError::UserExists,
        // What an older CometChat says of a taken uid.
        "ERR_BAD_REQUEST" if is_uid_taken(error.details.as_ref()) => CallError::UserExists,
        "ERR_AUTH_TOKEN_NOT_FOUND" | "AUTH_ERR_AUTH_TOKEN_NOT_FOUND" => CallError::TokenNotFound,
        "ERR_TOO_MANY_REQUESTS" => CallError::RateLimited { retry_after },
        "ERR_MISSION_FAILED" | "ERR_OPERATION_FAILED" | "ERR_EXCEPTION" | "" => CallError::Unclear(code),
        _ if code.starts_with("AUTH_ERR_") => CallError::Misconfigured(code),
        _ if status.is_server_error() => CallError::Unclear(code),
        _ => CallError::Refused(code),
    }
}

fn is_uid_taken(details: Option<&Value>) -> bool {
    details
        .and_then(|details| details.get("uid")?.get(0)?.as_str())
        .is_some_and(|words| words.contains("already been taken"))
}

fn decode<T: serde::de::DeserializeOwned>(data: Value) -> Result<T, CallError> {
    // Not serde's words: they may quote the answer, and the answer has a token.
    serde_json::from_value(data).map_err(|_| CallError::Unclear("data of another shape".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(status: u16, body: &str) -> String {
        match judge(StatusCode::from_u16(status).unwrap(), Some(Duration::from_secs(7)), body.as_bytes()) {
            Ok(data) => data.to_string(),
            Err(error) => format!("{error:?}"),
        }
    }

    fn error(code: &str) -> String {
        json!({"error": {"code": code, "message": "…"}}).to_string()
    }

    #[test]
    fn an_answer_is_judged_by_its_code_and_not_by_its_status() {
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
    fn the_older_words_for_a_taken_uid_are_understood() {
        let older =
            r#"{"error":{"code":"ERR_BAD_REQUEST","details":{"uid":["The uid has already been taken."]}}}"#;
        assert_eq!(verdict(400, older), "UserExists");
        let other =
            r#"{"error":{"code":"ERR_BAD_REQUEST","details":{"name":["The name field is required."]}}}"#;
        assert_eq!(verdict(400, other), r#"Refused("ERR_BAD_REQUEST")"#);
    }

    #[test]
    fn nonsense_is_unclear_and_never_taken_for_an_answer() {
        let bodies =
            ["", "<html>", "null", "[]", "{}", r#"{"data":null}"#, r#"{"error":{}}"#, r#"{"error":7}"#];
        for status in [200, 502] {
            for body in bodies {
                assert!(verdict(status, body).starts_with("Unclear"), "{status} {body}");
            }
        }
        assert!(verdict(500, r#"{"data":{"uid":"u"}}"#).starts_with("Unclear"));
        assert!(verdict(503, &error("ERR_SOMETHING_NEW")).starts_with("Unclear"));
        assert!(matches!(decode::<IssuedToken>(json!({"authToken": 7})), Err(CallError::Unclear(_))));
    }

    #[test]
    fn a_code_cannot_forge_a_log_line() {
        let forged = verdict(400, &error("ERR_X\n2026-01-01 INFO all is well"));
        assert!(!forged.contains('\n') && !forged.contains(' '), "{forged}");
    }
}
