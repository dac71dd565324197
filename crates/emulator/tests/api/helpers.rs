//! A running emulator, with one method for each way of calling it.

use cometchat_emulator::{App, Config};
use futures_util::{SinkExt, StreamExt};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use std::{future::Future, net::SocketAddr, sync::Once, time::Duration};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite::Message};

/// Longer than anything here takes: a wait that fails, not a pause.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub struct Emulator {
    pub address: SocketAddr,
    http: Client,
}

/// An answer, read to its end.
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

    /// Of a success.
    pub fn data(&self) -> &Value {
        assert_eq!(self.status, 200, "{}", self.body);
        &self.body["data"]
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// One field of each item of a list.
    pub fn each(&self, field: &str) -> Vec<&str> {
        self.data().as_array().unwrap().iter().map(|item| item[field].as_str().unwrap()).collect()
    }
}

/// A user who is signed in as the SDK does it.
#[derive(Debug, Clone)]
pub struct Session {
    pub uid: String,
    pub token: String,
    pub jwt: String,
    /// The tab: `resource` in calls, `deviceId` in frames.
    pub resource: String,
}

impl Emulator {
    pub async fn start() -> Self {
        Self::start_with(Config::default()).await
    }

    pub async fn start_with(config: Config) -> Self {
        static TLS: Once = Once::new();
        // Not used over plain http; reqwest insists on one.
        TLS.call_once(|| rustls::crypto::ring::default_provider().install_default().unwrap());
        let app = App::build(Config { listen: SocketAddr::from(([127, 0, 0, 1], 0)), ..config }).unwrap();
        let address = app.address();
        tokio::spawn(app.run());
        Self { address, http: Client::builder().timeout(PATIENCE).build().unwrap() }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// An empty `body` sends none.
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
        let answer = request.send().await?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let text = answer.text().await?;
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Ok(Reply { status, headers, body })
    }

    /// A call of a server with the full key.
    pub async fn rest(&self, method: &str, path: &str, body: Value) -> Reply {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.send(method, &format!("/v3{path}"), &[("apikey", "emulator-rest-api-key")], &body).await.unwrap()
    }

    pub async fn rest_as(&self, uid: &str, method: &str, path: &str, body: Value) -> Reply {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let headers = [("apikey", "emulator-rest-api-key"), ("onBehalfOf", uid)];
        self.send(method, &format!("/v3{path}"), &headers, &body).await.unwrap()
    }

    /// A call of the SDK.
    pub async fn client(&self, session: &Session, method: &str, path: &str, body: Value) -> Reply {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let headers = [("appId", "emulator"), ("authToken", &session.token), ("resource", &session.resource)];
        self.send(method, &format!("/v3.0{path}"), &headers, &body).await.unwrap()
    }

    pub async fn control(&self, method: &str, path: &str, body: Value) -> Reply {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.send(method, &format!("/emulator{path}"), &[], &body).await.unwrap()
    }

    pub async fn fault(&self, fault: Value) {
        assert_eq!(self.control("POST", "/faults", fault).await.status, 200);
    }

    pub async fn state(&self) -> Value {
        self.control("GET", "/state", Value::Null).await.body
    }

    /// Asks for the state until `holds` says yes.
    pub async fn until(&self, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let seen = async {
            loop {
                let state = self.state().await;
                if holds(&state) {
                    return state;
                }
            }
        };
        in_time(what, seen).await
    }

    pub async fn create(&self, uid: &str) {
        self.rest("POST", "/users", json!({ "uid": uid, "name": uid.to_uppercase() })).await.data();
    }

    pub async fn mint(&self, uid: &str) -> String {
        let reply = self.rest("POST", &format!("/users/{uid}/auth_tokens"), json!({ "force": true })).await;
        reply.data()["authToken"].as_str().unwrap().to_owned()
    }

    /// Creates the user if need be, and signs in with a new token and tab.
    pub async fn sign_in(&self, uid: &str) -> Session {
        if self.rest("GET", &format!("/users/{uid}"), Value::Null).await.status == 404 {
            self.create(uid).await;
        }
        let token = self.mint(uid).await;
        let resource = format!("WEB-{token}");
        let mut session = Session { uid: uid.into(), token, jwt: String::new(), resource };
        let me =
            self.client(&session, "PUT", "/me", json!({ "platform": "WEB", "deviceId": "emulator_1" })).await;
        session.jwt = me.data()["jwt"].as_str().unwrap().to_owned();
        session
    }

    /// A second tab of the same browser: same token, another resource.
    pub fn other_tab(&self, session: &Session) -> Session {
        Session { resource: format!("{}-other", session.resource), ..session.clone() }
    }

    pub async fn connect(&self) -> Socket {
        let (stream, _) = connect_async(format!("ws://{}/", self.address)).await.unwrap();
        Socket(stream)
    }

    /// A socket that is signed in and sees no presence.
    pub async fn socket(&self, session: &Session) -> Socket {
        self.socket_with(session, json!({})).await
    }

    /// `body` adds to the authentication's.
    pub async fn socket_with(&self, session: &Session, body: Value) -> Socket {
        let mut socket = self.connect().await;
        socket.send(auth_frame(session, body)).await;
        assert_eq!(socket.next().await, json!({ "type": "auth", "body": { "code": "200", "status": "OK" } }));
        socket
    }

    /// The id of the new message.
    pub async fn write(&self, from: &Session, to: &str, text: &str) -> String {
        let reply = self.client(from, "POST", "/messages", text_to(to, text)).await;
        reply.data()["id"].as_str().unwrap().to_owned()
    }
}

/// What the SDK posts.
pub fn text_to(to: &str, text: &str) -> Value {
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

pub async fn in_time<T>(what: &str, happens: impl Future<Output = T>) -> T {
    timeout(PATIENCE, happens).await.unwrap_or_else(|_| panic!("never: {what}"))
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
        match in_time("a frame", self.0.next()).await {
            Some(Ok(Message::Text(text))) => serde_json::from_str(&text).unwrap(),
            other => panic!("not a frame: {other:?}"),
        }
    }

    /// Frames come in order, so whatever was pushed before this comes before the pong.
    pub async fn has_nothing(&mut self) {
        self.send(json!({ "action": "ping", "ack": "true" })).await;
        assert_eq!(self.next().await, json!({ "action": "pong" }));
    }

    /// The reason that the server gives.
    pub async fn closed(&mut self) -> String {
        match in_time("the close", self.0.next()).await {
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
