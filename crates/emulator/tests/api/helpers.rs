//! A running emulator with methods that call its interfaces.

use cometchat_emulator::Config;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::{future::Future, ops::Deref};
pub use test_support::Reply;
use test_support::{TIMEOUT, TestEmulator, poll};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite::Message};

/// An emulator, and the calls and sockets of the SDK.
pub struct Emulator(TestEmulator);

/// The session of a user who logged in as the SDK does.
#[derive(Debug, Clone)]
pub struct Session {
    pub uid: String,
    pub token: String,
    pub jwt: String,
    /// Identifies the tab. Calls send it as `resource`, frames as `deviceId`.
    pub resource: String,
}

impl Deref for Emulator {
    type Target = TestEmulator;

    fn deref(&self) -> &TestEmulator {
        &self.0
    }
}

impl Emulator {
    pub fn start() -> Self {
        Self(TestEmulator::start())
    }

    pub fn start_with(config: Config) -> Self {
        Self(TestEmulator::start_with(config))
    }

    /// Calls the client API as the SDK does.
    pub async fn client(&self, session: &Session, method: &str, path: &str, body: Value) -> Reply {
        let headers = [("appId", "emulator"), ("authToken", &session.token), ("resource", &session.resource)];
        self.call(method, &format!("/v3.0{path}"), &headers, body).await
    }

    /// Polls the state until it satisfies `condition`.
    pub async fn wait_for(&self, description: &str, condition: impl Fn(&Value) -> bool) -> Value {
        let found = poll(async || Some(self.state().await).filter(&condition)).await;
        found.unwrap_or_else(|| panic!("timed out: {description}"))
    }

    pub async fn create_user(&self, uid: &str) {
        self.rest("POST", "/users", json!({ "uid": uid, "name": uid.to_uppercase() })).await.data();
    }

    /// Logs in with a new token and a new tab. Creates the user if necessary.
    pub async fn login(&self, uid: &str) -> Session {
        if self.rest("GET", &format!("/users/{uid}"), Value::Null).await.status == 404 {
            self.create_user(uid).await;
        }
        let token = self.mint(uid).await;
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
        let (stream, _) = connect_async(self.url.replacen("http", "ws", 1)).await.unwrap();
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
