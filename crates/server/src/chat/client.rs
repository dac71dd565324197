//! CometChat's REST API v3: the few calls that this server needs.
//!
//! Knows the wire of CometChat and nothing of ours; what an answer means is in [`super::answer`].

pub use super::answer::CallError;
use super::answer::{decode, judge, unanswered};
use crate::spent::{Part, measured};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::{family::Family, histogram::Histogram};
use reqwest::{Method, Url, header};
use serde::Deserialize;
use serde_json::{Value, json};
use shared::Secret;
use std::time::{Duration, Instant};

/// An answer longer than this is not one of CometChat's: a thousand users with all that each may have are 11 MB.
const MAX_ANSWER_BYTES: usize = 16 * 1024 * 1024;
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

/// A user that CometChat knows.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Known {
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

    /// One page of all users, deactivated ones too, counted from 1; an empty one comes after the last.
    pub async fn users(&self, page: u32) -> Result<Vec<Known>, CallError> {
        let page = page.to_string();
        let query = [("perPage", USERS_PER_PAGE), ("page", page.as_str()), ("withDeactivated", "true")];
        decode(self.measured("list_users", Box::pin(self.send(Method::GET, &["users"], &query, None))).await?)
    }

    /// Whether app id, region and key belong together and the key may do what this server needs.
    pub async fn try_key(&self) -> Result<(), CallError> {
        let query = [("perPage", "1")];
        self.measured("try_key", Box::pin(self.send(Method::GET, &["users"], &query, None))).await.map(drop)
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
        self.measured(name, Box::pin(self.send(method, path, &[], body))).await
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
