//! A client for CometChat's REST API v3. [`super::error`] classifies the responses.

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

/// Limit of a response's size. A page of 1,000 users with all possible data has 11 MB.
const MAX_RESPONSE_BYTES: usize = 16 * 1024 * 1024;
/// Limit of a path segment: longer than any token or uid, and within the URL limits of servers.
const MAX_SEGMENT_BYTES: usize = 1024;
/// The maximum that CometChat allows.
const USERS_PER_PAGE: &str = "1000";

/// A token in CometChat's list.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IssuedToken {
    pub auth_token: Secret,
    /// Unix time by CometChat's clock.
    #[serde(default)]
    pub created_at: i64,
}

/// The valid tokens of a user.
pub struct IssuedTokens {
    pub tokens: Vec<IssuedToken>,
    /// The response's `Date`: Unix time by CometChat's clock.
    pub listed_at: Option<i64>,
}

/// A user in CometChat's list.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RemoteUser {
    pub uid: String,
    #[serde(default)]
    pub name: String,
    /// Time of the deactivation in the dashboard. A deactivated user is not found, and keeps the uid.
    #[serde(default)]
    pub deactivated_at: Option<i64>,
}

/// The address of CometChat's REST API and its credentials.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// `https://{appId}.api-{region}.cometchat.io/v3`, or the emulator's `http://…/v3`.
    pub base: Url,
    pub app_id: String,
    pub api_key: Secret,
}

/// The labels of the metric of calls.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct CallLabels {
    call: &'static str,
    outcome: &'static str,
}

/// The client. Connections are kept alive and reused.
pub struct Client {
    http: reqwest::Client,
    endpoint: Endpoint,
    pub budget: CallBudget,
    /// Durations of the calls, in seconds.
    pub calls: Family<CallLabels, Histogram>,
}

fn histogram() -> Histogram {
    Histogram::new([0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 2.5, 5.0, 10.0])
}

impl Client {
    pub fn new(http: reqwest::Client, endpoint: Endpoint, budget: CallBudget) -> Self {
        Self { http, endpoint, budget, calls: Family::new_with_constructor(histogram) }
    }

    /// Creates another token for this user.
    pub async fn create_token(&self, uid: &str) -> Result<Secret, CometChatError> {
        let data = self
            .call("create_token", Method::POST, &["users", uid, "auth_tokens"], Some(json!({"force": true})))
            .await?;
        parse_token(data)
    }

    /// Creates a user with a token in one call.
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

    /// Deletes a user with all tokens. `permanent` releases the uid: a user who is only deactivated keeps it.
    pub async fn delete_user(&self, uid: &str) -> Result<(), CometChatError> {
        self.call("delete_user", Method::DELETE, &["users", uid], Some(json!({"permanent": true}))).await?;
        Ok(())
    }

    /// Returns a page of all users, including deactivated ones. Pages count from 1, and the page after the last is empty.
    pub async fn users(&self, page: u32) -> Result<Vec<RemoteUser>, CometChatError> {
        let page = page.to_string();
        let query = [("perPage", USERS_PER_PAGE), ("page", page.as_str()), ("withDeactivated", "true")];
        let listed =
            self.timed_call("list_users", Box::pin(self.send(Method::GET, &["users"], &query, None)));
        decode(listed.await?.data)
    }

    /// Checks that app id, region and key belong together, and that the key has the required scope.
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

    /// Returns the valid tokens of a user: CometChat keeps at most 100.
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
        let response = self.timed_call(name, Box::pin(self.send(method, path, &[], body))).await?;
        Ok(response.data)
    }

    async fn timed_call(
        &self,
        call: &'static str,
        response: impl Future<Output = Result<Response, CometChatError>>,
    ) -> Result<Response, CometChatError> {
        let started = Instant::now();
        // Recorded on drop, so that a cancelled call counts too.
        let mut outcome = Outcome { client: self, call, started, outcome: "cancelled" };
        let response = timed(Phase::CometChat, response).await;
        outcome.outcome = response.as_ref().err().map_or("ok", CometChatError::name);
        response
    }

    /// Makes a call, and returns the `data` and the date of a successful response.
    async fn send(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
        body: Option<Value>,
    ) -> Result<Response, CometChatError> {
        let mut url = url_below(&self.endpoint.base, path)?;
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
        let mut response = request.send().await.map_err(from_reqwest)?;
        let status = response.status();
        let retry_after = number(&response, header::RETRY_AFTER.as_str()).map(Duration::from_secs);
        if let Some(left) = number(&response, "x-rate-limit-remaining") {
            self.budget.record_remaining(left);
        }
        let date = response
            .headers()
            .get(header::DATE)
            .and_then(|value| httpdate::parse_http_date(value.to_str().ok()?).ok())
            .and_then(|date| i64::try_from(date.duration_since(UNIX_EPOCH).ok()?.as_secs()).ok());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(from_reqwest)? {
            body.extend_from_slice(&chunk);
            if body.len() > MAX_RESPONSE_BYTES {
                return Err(CometChatError::UnknownOutcome("the response is too large".into()));
            }
        }
        Ok(Response { data: parse_response(status, retry_after, &body)?, date })
    }
}

/// A response without an error.
struct Response {
    data: Value,
    /// Unix time by CometChat's clock.
    date: Option<i64>,
}

/// Returns the token of a response. A token that could not be part of a URL could never be revoked, and is an error.
fn parse_token(data: Value) -> Result<Secret, CometChatError> {
    let token = decode::<IssuedToken>(data)?.auth_token;
    match check_segment(token.expose()) {
        Ok(()) => Ok(token),
        Err(reason) => {
            Err(CometChatError::UnknownOutcome(format!("a token that cannot be revoked: {reason}")))
        }
    }
}

/// Returns the URL below `base` with exactly these path segments, percent-encoded.
fn url_below(base: &Url, path: &[&str]) -> Result<Url, CometChatError> {
    for segment in path {
        check_segment(segment).map_err(CometChatError::Unaddressable)?;
    }
    let mut url = base.clone();
    url.path_segments_mut()
        .map_err(|()| CometChatError::Misconfigured("the base URL cannot have a path".into()))?
        .pop_if_empty()
        .extend(path);
    Ok(url)
}

/// Rejects text that cannot be a URL segment. A URL parser drops or resolves it, so that the call would have another
/// subject, for example all tokens of the user instead of one token named "..".
fn check_segment(text: &str) -> Result<(), &'static str> {
    if matches!(text, "" | "." | "..") {
        Err("a URL segment cannot be empty or consist of dots")
    } else if text.chars().any(char::is_control) {
        Err("a URL segment cannot have control characters")
    } else if text.len() > MAX_SEGMENT_BYTES {
        Err("it is too long for a URL")
    } else {
        Ok(())
    }
}

/// Returns the number in a response header.
fn number<T: std::str::FromStr>(response: &reqwest::Response, header: &str) -> Option<T> {
    response.headers().get(header)?.to_str().ok()?.trim().parse().ok()
}

/// Records the duration and the outcome of a call when it is dropped.
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

/// Builds the HTTP client for CometChat. It follows no redirects, which would pass the API key on. If CometChat is the
/// local emulator, it ignores the proxies of the environment.
#[allow(clippy::disallowed_methods)] // the only place
pub fn http_client(is_local: bool) -> Result<reqwest::Client, reqwest::Error> {
    install_crypto_provider();
    let client = reqwest::Client::builder();
    let client = if is_local { client.no_proxy() } else { client };
    client
        .user_agent(concat!("cometchat-auth/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(2))
        .timeout(Duration::from_secs(10))
        .pool_idle_timeout(Duration::from_secs(90))
        .build()
}

/// Installs rustls' crypto provider for all TLS connections of the process.
pub fn install_crypto_provider() {
    // An error means that one is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const DOT_DOT: [&str; 5] = ["..", ".", "", "a\tb", "a\nb"];

    fn path(token: &str) -> Result<String, CometChatError> {
        let base = "https://app.api-us.cometchat.io/v3".parse().unwrap();
        url_below(&base, &["users", "ada", "auth_tokens", token]).map(|url| url.path().to_owned())
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
