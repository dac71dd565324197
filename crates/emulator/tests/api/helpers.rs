//! A running emulator with methods that call its interfaces.

use cometchat_emulator::{App, Config};
use futures_util::{SinkExt, StreamExt};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use std::{future::Future, net::SocketAddr, sync::Once, time::Duration};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite::Message};

/// Upper bound for each wait. No test takes that long unless it fails.
pub const TIMEOUT: Duration = Duration::from_secs(20);

pub struct Emulator {
    pub address: SocketAddr,
    http: Client,
}

/// A complete response.
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

/// The session of a user who logged in as the SDK does.
#[derive(Debug, Clone)]
pub struct Session {
    pub uid: String,
    pub token: String,
    pub jwt: String,
    /// Identifies the tab. Calls send it as `resource`, frames as `deviceId`.
    pub resource: String,
}

impl Emulator {
    pub async fn start() -> Self {
        Self::start_with(Config::default()).await
    }

    pub async fn start_with(config: Config) -> Self {
        static TLS: Once = Once::new();
        // reqwest requires a provider, although these tests use plain http.
        TLS.call_once(|| rustls::crypto::ring::default_provider().install_default().unwrap());
        let app = App::build(Config { listen: SocketAddr::from(([127, 0, 0, 1], 0)), ..config }).unwrap();
        let address = app.address();
        tokio::spawn(app.run());
        Self { address, http: Client::builder().timeout(TIMEOUT).build().unwrap() }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Sends a request, without a body if `body` is empty.
    pub async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> reqwest::Result<Reply> {
        let mut request = self.http.request(Method::from_bytes(method.as_bytes()).unwrap(), self.url(path));
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

    /// Calls the REST API with the key of scope `fullAccess`.
    pub async fn rest(&self, method: &str, path: &str, body: Value) -> Reply {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.send(method, &format!("/v3{path}"), &[("apikey", "emulator-rest-api-key")], &body).await.unwrap()
    }

    /// Calls the REST API on behalf of a user.
    pub async fn rest_as(&self, uid: &str, method: &str, path: &str, body: Value) -> Reply {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let headers = [("apikey", "emulator-rest-api-key"), ("onBehalfOf", uid)];
        self.send(method, &format!("/v3{path}"), &headers, &body).await.unwrap()
    }

    /// Calls the client API as the SDK does.
    pub async fn client(&self, session: &Session, method: &str, path: &str, body: Value) -> Reply {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let headers = [("appId", "emulator"), ("authToken", &session.token), ("resource", &session.resource)];
        self.send(method, &format!("/v3.0{path}"), &headers, &body).await.unwrap()
    }

    pub async fn control(&self, method: &str, path: &str, body: Value) -> Reply {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.send(method, &format!("/emulator{path}"), &[], &body).await.unwrap()
    }

    pub async fn add_fault(&self, fault: Value) {
        assert_eq!(self.control("POST", "/faults", fault).await.status, 200);
    }

    pub async fn state(&self) -> Value {
        self.control("GET", "/state", Value::Null).await.body
    }

    /// Polls the state until it satisfies `condition`.
    pub async fn wait_for(&self, description: &str, condition: impl Fn(&Value) -> bool) -> Value {
        let polling = async {
            loop {
                let state = self.state().await;
                if condition(&state) {
                    return state;
                }
            }
        };
        with_timeout(description, polling).await
    }

    pub async fn create_user(&self, uid: &str) {
        self.rest("POST", "/users", json!({ "uid": uid, "name": uid.to_uppercase() })).await.data();
    }

    pub async fn mint_token(&self, uid: &str) -> String {
        let reply = self.rest("POST", &format!("/users/{uid}/auth_tokens"), json!({ "force": true })).await;
        reply.data()["authToken"].as_str().unwrap().to_owned()
    }

    /// Logs in with a new token and a new tab. Creates the user if necessary.
    pub async fn login(&self, uid: &str) -> Session {
        if self.rest("GET", &format!("/users/{uid}"), Value::Null).await.status == 404 {
            self.create_user(uid).await;
        }
        let token = self.mint_token(uid).await;
        let resource = format!("WEB-{token}");
        let mut session = Session { uid: uid.into(), token, jwt: String::new(), resource };
        let me =
            self.client(&session, "PUT", "/me", json!({ "platform": "WEB", "deviceId": "emulator_1" })).await;
        session.jwt = me.data()["jwt"].as_str().unwrap().to_owned();
        session
    }

    /// Returns the session of a second tab, which has the same token but another resource.
    pub fn other_tab(&self, session: &Session) -> Session {
        Session { resource: format!("{}-other", session.resource), ..session.clone() }
    }

    pub async fn connect(&self) -> Socket {
        let (stream, _) = connect_async(format!("ws://{}/", self.address)).await.unwrap();
        Socket(stream)
    }

    /// Opens a signed-in socket without a presence subscription.
    pub async fn socket(&self, session: &Session) -> Socket {
        self.socket_with(session, json!({})).await
    }

    /// Opens a signed-in socket. `body` adds fields to the authentication frame.
    pub async fn socket_with(&self, session: &Session, body: Value) -> Socket {
        let mut socket = self.connect().await;
        socket.send(auth_frame(session, body)).await;
        assert_eq!(socket.next().await, json!({ "type": "auth", "body": { "code": "200", "status": "OK" } }));
        socket
    }

    /// Sends a text message and returns its id.
    pub async fn send_text(&self, from: &Session, to: &str, text: &str) -> String {
        let reply = self.client(from, "POST", "/messages", text_message(to, text)).await;
        reply.data()["id"].as_str().unwrap().to_owned()
    }
}

/// Returns the body that the SDK posts for a text message.
pub fn text_message(to: &str, text: &str) -> Value {
    json!({
        "type": "text", "receiverType": "user", "category": "message",
        "data": { "text": text }, "text": text, "receiver": to,
    })
}

pub fn auth_frame(session: &Session, body: Value) -> Value {
    let mut frame = json!({
        "appId": "emulator", "deviceId": session.resource, "type": "auth", "sender": session.uid,
        "body": { "auth": session.jwt, "deviceId": session.resource },
    });
    for (name, value) in body.as_object().unwrap() {
        frame["body"][name] = value.clone();
    }
    frame
}

pub async fn with_timeout<T>(description: &str, future: impl Future<Output = T>) -> T {
    timeout(TIMEOUT, future).await.unwrap_or_else(|_| panic!("timed out: {description}"))
}

pub struct Socket(pub WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    pub async fn send(&mut self, frame: Value) {
        self.0.send(Message::text(frame.to_string())).await.unwrap();
    }

    pub async fn send_raw(&mut self, message: Message) {
        self.0.send(message).await.unwrap();
    }

    pub async fn next(&mut self) -> Value {
        match with_timeout("a frame", self.0.next()).await {
            Some(Ok(Message::Text(text))) => serde_json::from_str(&text).unwrap(),
            other => panic!("not a frame: {other:?}"),
        }
    }

    /// Asserts that no frame is pending. Frames arrive in order, so a pending one precedes the pong.
    pub async fn expect_no_frame(&mut self) {
        self.send(json!({ "action": "ping", "ack": "true" })).await;
        assert_eq!(self.next().await, json!({ "action": "pong" }));
    }

    /// Waits for the close and returns its reason.
    pub async fn close_reason(&mut self) -> String {
        match with_timeout("close", self.0.next()).await {
            Some(Ok(Message::Close(frame))) => {
                frame.map(|frame| frame.reason.to_string()).unwrap_or_default()
            }
            other => panic!("not a close: {other:?}"),
        }
    }

    pub async fn close(mut self) {
        self.0.close(None).await.unwrap();
    }
}
