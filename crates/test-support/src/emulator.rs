//! An emulator of CometChat and its control API.

use crate::{canary, eventually};
use cometchat_emulator::{App, Config};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// The name and the chat tokens of each user, by user id.
pub type Users = BTreeMap<String, (String, Vec<String>)>;

/// A running emulator of CometChat.
#[derive(Clone)]
pub struct TestEmulator {
    pub url: String,
    pub http: Client,
    /// Seconds that its clock is ahead of the one in its configuration.
    ahead: Arc<AtomicI64>,
}

/// A complete response of the emulator.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
}

impl Reply {
    pub fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_default()
    }

    /// Returns the data of a successful response.
    pub fn data(&self) -> &Value {
        assert_eq!(self.status, 200, "{}", self.body);
        &self.body["data"]
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Returns one field of each item of a list.
    pub fn field_of_each(&self, field: &str) -> Vec<&str> {
        self.data().as_array().unwrap().iter().map(|item| item[field].as_str().unwrap()).collect()
    }
}

impl TestEmulator {
    /// Starts an emulator in this process, on a free port, with the system's clock.
    pub fn start() -> Self {
        Self::start_with(Config::default())
    }

    pub fn start_with(config: Config) -> Self {
        let (clock, ahead) = (config.clock, Arc::new(AtomicI64::new(0)));
        let difference = Arc::clone(&ahead);
        let app = App::build(Config {
            listen: "127.0.0.1:0".parse().unwrap(),
            clock: Arc::new(move || clock().saturating_add_signed(difference.load(Ordering::SeqCst))),
            ..config
        });
        let app = app.unwrap();
        let url = format!("http://{}", app.address());
        tokio::spawn(app.run());
        Self { ahead, ..Self::at(url) }
    }

    /// Returns the emulator that listens on this URL.
    pub fn at(url: String) -> Self {
        Self { url, http: crate::client(), ahead: Arc::default() }
    }

    /// Sets its clock this number of seconds ahead of the one in its configuration.
    pub fn set_ahead(&self, seconds: i64) {
        self.ahead.store(seconds, Ordering::SeqCst);
    }

    /// Sends a request, without a body if `body` is empty.
    pub async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> reqwest::Result<Reply> {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self.http.request(method, format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if !body.is_empty() {
            request = request.header("content-type", "application/json").body(body.to_owned());
        }
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await?;
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Ok(Reply { status, headers, body })
    }

    /// Sends a request with a JSON body, or without one if `body` is null.
    pub async fn call(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Value) -> Reply {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.send(method, path, headers, &body).await.unwrap()
    }

    /// Calls the REST API with the key of scope `fullAccess`, as another program would.
    pub async fn rest(&self, method: &str, path: &str, body: Value) -> Reply {
        self.call(method, &format!("/v3{path}"), &[("apikey", "emulator-rest-api-key")], body).await
    }

    /// Calls the REST API on behalf of a user.
    pub async fn rest_as(&self, uid: &str, method: &str, path: &str, body: Value) -> Reply {
        let headers = [("apikey", "emulator-rest-api-key"), ("onBehalfOf", uid)];
        self.call(method, &format!("/v3{path}"), &headers, body).await
    }

    /// Creates a token without the server.
    pub async fn mint(&self, uid: &str) -> String {
        let reply = self.rest("POST", &format!("/users/{uid}/auth_tokens"), json!({"force": true})).await;
        reply.data()["authToken"].as_str().unwrap().to_owned()
    }

    /// Revokes a token without the server.
    pub async fn revoke(&self, uid: &str, token: &str) {
        self.rest("DELETE", &format!("/users/{uid}/auth_tokens/{token}"), json!({})).await.data();
    }

    /// Renames a user without the server.
    pub async fn rename(&self, uid: &str, name: &str) {
        self.rest("PUT", &format!("/users/{uid}"), json!({"name": name})).await.data();
    }

    /// Sends a message from one user to another.
    pub async fn send_message(&self, from: &str, to: &str, text: &str) {
        let body = json!({"receiver": to, "receiverType": "user", "category": "message", "type": "text",
                          "data": {"text": text}});
        self.rest_as(from, "POST", "/messages", body).await.data();
    }

    /// Closes the sockets of a user, as a network failure would.
    pub async fn cut_sockets(&self, uid: &str) {
        assert_eq!(self.control("DELETE", &format!("/sockets/{uid}"), Value::Null).await.status, 204);
    }

    /// Returns the number of open sockets on which it has accepted a token of the user.
    pub async fn authenticated_sockets(&self, uid: &str) -> usize {
        let state = self.state().await;
        let is_such = |socket: &&Value| socket["uid"] == uid && socket["authenticated"] == true;
        state["sockets"].as_array().unwrap().iter().filter(is_such).count()
    }

    pub async fn control(&self, method: &str, path: &str, body: Value) -> Reply {
        self.call(method, &format!("/emulator{path}"), &[], body).await
    }

    /// Adds a fault, until [`TestEmulator::clear_faults`].
    pub async fn add_fault(&self, fault: Value) {
        let reply = self.control("POST", "/faults", fault).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
    }

    /// Fails the next call of a user's client with this method and this part of the path.
    pub async fn refuse_next(&self, method: &str, path: &str) {
        let fault = json!({"api": "client", "method": method, "path": path, "kind": "status",
                           "status": 500, "code": "ERR", "times": 1});
        self.add_fault(fault).await;
    }

    pub async fn clear_faults(&self) {
        let reply = self.control("DELETE", "/faults", Value::Null).await;
        assert_eq!(reply.status, 204, "{}", reply.body);
    }

    /// Returns its users with their tokens, its sockets, messages and received calls.
    pub async fn state(&self) -> Value {
        self.control("GET", "/state", Value::Null).await.body
    }

    /// Returns its users with their names and tokens.
    pub async fn users(&self) -> Users {
        let state = self.state().await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let known = |user: &Value| {
            let tokens: Vec<_> = user["tokens"].as_array().unwrap().iter().map(text).collect();
            tokens.iter().for_each(|token| canary::secret(token));
            (text(&user["uid"]), (text(&user["name"]), tokens))
        };
        state["users"].as_array().unwrap().iter().map(known).collect()
    }

    /// Returns the names of its users, by id.
    pub async fn names(&self) -> BTreeMap<String, String> {
        self.users().await.into_iter().map(|(uid, (name, _))| (uid, name)).collect()
    }

    /// Returns the name of a user, or `None` if there is no such user.
    pub async fn name(&self, uid: &str) -> Option<String> {
        self.names().await.remove(uid)
    }

    /// Returns the tokens of a user, or none if there is no such user.
    pub async fn tokens(&self, uid: &str) -> Vec<String> {
        self.users().await.remove(uid).map(|(_, tokens)| tokens).unwrap_or_default()
    }

    /// Returns the number of calls to the REST API with this method and this end of the path.
    pub async fn calls(&self, method: &str, path_end: &str) -> usize {
        let state = self.state().await;
        let calls = state["calls"].as_array().unwrap();
        let is_such = |call: &&Value| {
            call["api"] == "rest"
                && call["method"] == method
                && call["path"].as_str().unwrap().ends_with(path_end)
        };
        calls.iter().filter(is_such).count()
    }

    /// Waits until this number of calls have no response yet.
    pub async fn wait_for_pending_calls(&self, calls: usize) {
        eventually("calls are pending", || async {
            let state = self.state().await;
            let is_pending = |call: &&Value| call["status"].is_null();
            state["calls"].as_array().unwrap().iter().filter(is_pending).count() >= calls
        })
        .await;
    }
}
