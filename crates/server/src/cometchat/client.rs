//! CometChat's REST API v3: the few calls that this server needs.
//!
//! Knows the wire of CometChat and nothing of ours; what an answer means is in [`super::answer`].

use super::budget::CallBudget;
pub use super::error::CometChatError;
use super::error::{decode, from_reqwest, parse_response};
use crate::telemetry::request_timing::{Phase, timed};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::{family::Family, histogram::Histogram};
use reqwest::{Method, Url, header};
use serde::Deserialize;
use serde_json::{Value, json};
use shared::Secret;
use std::time::{Duration, Instant, UNIX_EPOCH};

/// An answer longer than this is not one of CometChat's: a thousand users with all that each may have are 11 MB.
const MAX_RESPONSE_BYTES: usize = 16 * 1024 * 1024;
/// Longer than any token or uid of CometChat, and short enough for every server's limit on URLs.
const MAX_SEGMENT_BYTES: usize = 1024;
/// As many as CometChat gives at once.
const USERS_PER_PAGE: &str = "1000";

/// A token that CometChat knows.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IssuedToken {
    pub auth_token: Secret,
    /// Unix seconds, by CometChat's clock.
    #[serde(default)]
    pub created_at: i64,
}

/// The live tokens of a user.
pub struct IssuedTokens {
    pub tokens: Vec<IssuedToken>,
    /// When CometChat said so, in Unix seconds by its own clock; `None`: it did not say.
    pub listed_at: Option<i64>,
}

/// A user that CometChat knows.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RemoteUser {
    pub uid: String,
    #[serde(default)]
    pub name: String,
    /// When they were deactivated in the dashboard: nobody finds them, and their uid is taken.
    #[serde(default)]
    pub deactivated_at: Option<i64>,
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
pub struct CallLabels {
    call: &'static str,
    outcome: &'static str,
}

/// The client. Connections are kept alive and reused.
pub struct Client {
    http: reqwest::Client,
    endpoint: Endpoint,
    /// How many calls are left.
    pub budget: CallBudget,
    /// How long its calls took, in seconds.
    pub calls: Family<CallLabels, Histogram>,
}

fn histogram() -> Histogram {
    Histogram::new([0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 2.5, 5.0, 10.0])
}

impl Client {
    pub fn new(http: reqwest::Client, endpoint: Endpoint, budget: CallBudget) -> Self {
        Self { http, endpoint, budget, calls: Family::new_with_constructor(histogram) }
    }

    /// A new token for `uid`, whatever tokens there are already.
    pub async fn create_token(&self, uid: &str) -> Result<Secret, CometChatError> {
        let data = self
            .call("create_token", Method::POST, &["users", uid, "auth_tokens"], Some(json!({"force": true})))
            .await?;
        parse_token(data)
    }

    /// Makes the user and a token for them in one call.
    pub async fn create_user_with_token(&self, uid: &str, name: &str) -> Result<Secret, CometChatError> {
        let body = json!({"uid": uid, "name": name, "withAuthToken": true});
        let data = self.call("create_user", Method::POST, &["users"], Some(body)).await?;
        parse_token(data)
    }

    pub async fn create_user(&self, uid: &str, name: &str) -> Result<(), CometChatError> {
        self.call("create_user", Method::POST, &["users"], Some(json!({"uid": uid, "name": name}))).await?;
        Ok(())
    }

    pub async fn rename_user(&self, uid: &str, name: &str) -> Result<(), CometChatError> {
        self.call("rename_user", Method::PUT, &["users", uid], Some(json!({"name": name}))).await?;
        Ok(())
    }

    /// Deletes the user for good, with all their tokens. (Without `permanent` the uid would stay taken by
    /// somebody who can neither sign in nor be made again.)
    pub async fn delete_user(&self, uid: &str) -> Result<(), CometChatError> {
        self.call("delete_user", Method::DELETE, &["users", uid], Some(json!({"permanent": true}))).await?;
        Ok(())
    }

    /// One page of all users, deactivated ones too, counted from 1; an empty one comes after the last.
    pub async fn users(&self, page: u32) -> Result<Vec<RemoteUser>, CometChatError> {
        let page = page.to_string();
        let query = [("perPage", USERS_PER_PAGE), ("page", page.as_str()), ("withDeactivated", "true")];
        let listed =
            self.timed_call("list_users", Box::pin(self.send(Method::GET, &["users"], &query, None)));
        decode(listed.await?.data)
    }

    /// Whether app id, region and key belong together and the key may do what this server needs.
    pub async fn check_credentials(&self) -> Result<(), CometChatError> {
        let query = [("perPage", "1")];
        self.timed_call("check_credentials", Box::pin(self.send(Method::GET, &["users"], &query, None)))
            .await
            .map(drop)
    }

    pub async fn revoke_token(&self, uid: &str, token: &str) -> Result<(), CometChatError> {
        self.call("revoke_token", Method::DELETE, &["users", uid, "auth_tokens", token], None).await?;
        Ok(())
    }

    /// Every live token of `uid`: CometChat keeps at most 100.
    pub async fn tokens(&self, uid: &str) -> Result<IssuedTokens, CometChatError> {
        let path = ["users", uid, "auth_tokens"];
        let listed = self.timed_call("list_tokens", Box::pin(self.send(Method::GET, &path, &[], None)));
        let Response { data, date } = listed.await?;
        Ok(IssuedTokens { tokens: decode(data)?, listed_at: date })
    }

    async fn call(
        &self,
        name: &'static str,
        method: Method,
        path: &[&str],
        body: Option<Value>,
    ) -> Result<Value, CometChatError> {
        let answered = self.timed_call(name, Box::pin(self.send(method, path, &[], body))).await?;
        Ok(answered.data)
    }

    async fn timed_call(
        &self,
        call: &'static str,
        answer: impl Future<Output = Result<Response, CometChatError>>,
    ) -> Result<Response, CometChatError> {
        let started = Instant::now();
        // Also when nobody waits for the answer any more.
        let mut outcome = Outcome { client: self, call, started, outcome: "given_up" };
        let answer = timed(Phase::CometChat, answer).await;
        outcome.outcome = answer.as_ref().err().map_or("ok", CometChatError::name);
        answer
    }

    /// One call; the `data` of its answer, and when it was given.
    async fn send(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
        body: Option<Value>,
    ) -> Result<Response, CometChatError> {
        let mut url = address(&self.endpoint.base, path)?;
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
        self.budget.count_call();
        let mut answer = request.send().await.map_err(from_reqwest)?;
        let status = answer.status();
        let retry_after = number(&answer, header::RETRY_AFTER.as_str()).map(Duration::from_secs);
        if let Some(left) = number(&answer, "x-rate-limit-remaining") {
            self.budget.record_remaining(left);
        }
        let date = answer
            .headers()
            .get(header::DATE)
            .and_then(|value| httpdate::parse_http_date(value.to_str().ok()?).ok())
            .and_then(|date| i64::try_from(date.duration_since(UNIX_EPOCH).ok()?.as_secs()).ok());
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(from_reqwest)? {
            body.extend_from_slice(&chunk);
            if body.len() > MAX_RESPONSE_BYTES {
                return Err(CometChatError::UnknownOutcome("the answer is too long".into()));
            }
        }
        Ok(Response { data: parse_response(status, retry_after, &body)?, date })
    }
}

/// An answer that says no error.
struct Response {
    data: Value,
    /// By CometChat's clock, in Unix seconds.
    date: Option<i64>,
}

/// The token of an answer. One that could never be revoked is none: the page does not get it.
fn parse_token(data: Value) -> Result<Secret, CometChatError> {
    let token = decode::<IssuedToken>(data)?.auth_token;
    match check_segment(token.expose()) {
        Ok(()) => Ok(token),
        Err(why) => Err(CometChatError::UnknownOutcome(format!("a token that cannot be revoked: {why}"))),
    }
}

/// The URL below `base` whose path has exactly these segments, whatever signs are in them.
fn address(base: &Url, path: &[&str]) -> Result<Url, CometChatError> {
    for segment in path {
        check_segment(segment).map_err(CometChatError::Unaddressable)?;
    }
    let mut url = base.clone();
    url.path_segments_mut()
        .map_err(|()| CometChatError::Misconfigured("the base URL takes no path".into()))?
        .pop_if_empty()
        // It percent-encodes all that has a meaning in a path.
        .extend(path);
    Ok(url)
}

/// Fails for what no segment of a URL can say. A URL's parser drops or follows these, so that the call would be about
/// something else: all tokens of the user, say, and not the one called "..".
fn check_segment(text: &str) -> Result<(), &'static str> {
    if matches!(text, "" | "." | "..") {
        Err("no segment of a URL can be empty or made of dots")
    } else if text.chars().any(char::is_control) {
        Err("no segment of a URL can have control characters")
    } else if text.len() > MAX_SEGMENT_BYTES {
        Err("it is too long for a URL")
    } else {
        Ok(())
    }
}

/// The number that this header of an answer has.
fn number<T: std::str::FromStr>(answer: &reqwest::Response, header: &str) -> Option<T> {
    answer.headers().get(header)?.to_str().ok()?.trim().parse().ok()
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
        let labels = CallLabels { call: self.call, outcome: self.outcome };
        self.client.calls.get_or_create(&labels).observe(self.started.elapsed().as_secs_f64());
    }
}

/// The client for CometChat. It follows no redirect, because it would take the API key along. `stays_here`: what it
/// asks is on this machine, and not behind a proxy that the environment names.
#[allow(clippy::disallowed_methods)] // the one place
pub fn http_client(stays_here: bool) -> Result<reqwest::Client, reqwest::Error> {
    install_crypto_provider();
    let client = reqwest::Client::builder();
    let client = if stays_here { client.no_proxy() } else { client };
    client
        .user_agent(concat!("cometchat-auth/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(2))
        .timeout(Duration::from_secs(10))
        .pool_idle_timeout(Duration::from_secs(90))
        .build()
}

/// What TLS is made of, for whatever speaks it in this process.
pub fn install_crypto_provider() {
    // Fails only when there is one already, which is then as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const DOT_DOT: [&str; 5] = ["..", ".", "", "a\tb", "a\nb"];

    fn path(token: &str) -> Result<String, CometChatError> {
        let base = "https://app.api-us.cometchat.io/v3".parse().unwrap();
        address(&base, &["users", "ada", "auth_tokens", token]).map(|url| url.path().to_owned())
    }

    #[test]
    fn path_part_is_encoded_as_one_segment() {
        for (token, segment) in [
            ("ada_17000", "ada_17000"),
            ("a/../b", "a%2F..%2Fb"),
            ("a b?c#d", "a%20b%3Fc%23d"),
            ("%2e%2e", "%252e%252e"),
            ("a\\b", "a%5Cb"),
            ("ü\u{202e}", "%C3%BC%E2%80%AE"),
            ("...", "..."),
        ] {
            assert_eq!(path(token).unwrap(), format!("/v3/users/ada/auth_tokens/{segment}"), "{token:?}");
        }
    }

    #[test]
    fn unaddressable_path_part_is_rejected() {
        let long = "a".repeat(MAX_SEGMENT_BYTES + 1);
        for token in DOT_DOT.into_iter().chain([long.as_str()]) {
            assert!(matches!(path(token), Err(CometChatError::Unaddressable(_))), "{token:?}");
        }
    }

    #[test]
    fn minted_token_unusable_in_url_is_unclear() {
        assert_eq!(parse_token(json!({"authToken": "ada_17000"})).unwrap().expose(), "ada_17000");
        for token in DOT_DOT {
            assert!(
                matches!(parse_token(json!({"authToken": token})), Err(CometChatError::UnknownOutcome(_))),
                "{token:?}"
            );
        }
    }
}
