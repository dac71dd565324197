//! The content of the log as `docs/LOGGING.md` describes it, and the absence of secrets.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use cometchat_auth::clock::Clock;
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};
use sha2::Sha256;
use shared::{LoginResponse, routes};
use tempfile::TempDir;
use test_support::{PASSWORD, Process, SECRET_KEY, TestEmulator};

const OTHER_PASSWORD: &str = "carpet lantern november";
const UNKNOWN_EMAIL: &str = "my-password-in-the-wrong-field@example.com";
const API_KEY: &str = "emulator-rest-api-key";

struct LoggedServer {
    server: Process,
    folder: TempDir,
    http: Client,
}

impl LoggedServer {
    fn start(filter: &str, format: &str) -> Self {
        Self::start_with(filter, format, &[])
    }

    fn start_with(filter: &str, format: &str, more: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let emulator = TestEmulator::start();
        let settings = [
            ("SECRET_KEY", SECRET_KEY),
            ("COMETCHAT_EMULATOR_URL", &emulator.url),
            ("LOG_FORMAT", format),
            ("RUST_LOG", filter),
            ("TRUSTED_PROXIES", "127.0.0.1"),
        ];
        let server = Process::server(folder.path(), &[&settings, more].concat());
        Self { server, folder, http: test_support::client() }
    }

    async fn call(&self, method: Method, path: &str, cookie: &str, body: Value) -> Response {
        let request = self.http.request(method, format!("{}{path}", self.server.url));
        request.header("cookie", cookie).json(&body).send().await.unwrap()
    }

    /// Stops the server, and returns its log.
    fn log(self) -> String {
        self.server.signal("-TERM");
        assert!(self.server.wait().success());
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    /// Stops the server, and returns the warnings of its log, which is JSON.
    fn warnings(self) -> Vec<Value> {
        let log = self.log();
        let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).expect(line));
        lines.filter(|line| line["level"] == "WARN").collect()
    }
}

/// Returns the cookies of a response as a `Cookie` header.
fn cookies(response: &Response) -> String {
    let set = response.headers().get_all("set-cookie").iter();
    let pairs: Vec<_> = set.map(|cookie| cookie.to_str().unwrap().split(';').next().unwrap()).collect();
    pairs.join("; ")
}

/// Uses every route, and returns the secrets that the log must not contain.
async fn live(server: &LoggedServer) -> Vec<String> {
    let mut secrets: Vec<String> =
        [PASSWORD, OTHER_PASSWORD, UNKNOWN_EMAIL, API_KEY, SECRET_KEY, "wrong password"]
            .map(str::to_owned)
            .into();
    let register = json!({"email": "ada@example.com", "password": PASSWORD, "name": "Ada"});
    let response = server.call(Method::POST, routes::REGISTER, "", register).await;
    let here = cookies(&response);
    let ada: LoginResponse = response.json().await.unwrap();
    secrets.push(ada.cometchat_auth_token.unwrap().expose().to_owned());

    for email in ["ada@example.com", UNKNOWN_EMAIL] {
        let wrong = json!({"email": email, "password": "wrong password"});
        assert_eq!(server.call(Method::POST, routes::LOGIN, "", wrong).await.status(), 401);
    }
    let login = json!({"email": "ada@example.com", "password": PASSWORD});
    let response = server.call(Method::POST, routes::LOGIN, "", login).await;
    let elsewhere = cookies(&response);
    let response: LoginResponse = response.json().await.unwrap();
    secrets.push(response.cometchat_auth_token.unwrap().expose().to_owned());
    for cookie in here.split("; ").chain(elsewhere.split("; ")) {
        secrets.push(cookie.split_once('=').unwrap().1.to_owned());
    }

    let renewed = server.call(Method::POST, routes::CHAT_TOKEN, &here, json!({"renew": true})).await;
    let renewed: Value = renewed.json().await.unwrap();
    secrets.push(renewed["cometchatAuthToken"].as_str().unwrap().to_owned());
    server.call(Method::PUT, routes::ACCOUNT, &here, json!({"name": "Ada Lovelace"})).await;
    let change = json!({"currentPassword": PASSWORD, "newPassword": OTHER_PASSWORD});
    let changed = server.call(Method::PUT, routes::PASSWORD, &here, change).await;
    assert_eq!(changed.status(), 204);
    let here = cookies(&changed);
    for cookie in here.split("; ") {
        secrets.push(cookie.split_once('=').unwrap().1.to_owned());
    }
    let broken = server.http.post(format!("{}{}", server.server.url, routes::LOGIN));
    let broken =
        broken.header("content-type", "application/json").body(format!("{{\"password\": {PASSWORD}"));
    assert_eq!(broken.send().await.unwrap().status(), 400);
    let delete = json!({"password": OTHER_PASSWORD});
    assert_eq!(server.call(Method::DELETE, routes::ACCOUNT, &here, delete).await.status(), 204);
    secrets
}

#[tokio::test(flavor = "multi_thread")]
async fn log_event_is_one_line_with_user_and_request() {
    let server = LoggedServer::start("info", "json");
    live(&server).await;
    let log = server.log();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    let events: Vec<&Value> = lines.iter().filter(|line| line["event"].is_string()).collect();
    let names: Vec<_> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    let expected =
        ["registered", "login_failed", "login_failed", "logged_in", "renamed", "password_changed", "deleted"];
    assert_eq!(names, expected);
    for event in &events {
        assert_eq!(event["address"], "127.0.0.1", "{event}");
        assert_eq!(event["span"]["id"].as_str().map(str::len), Some(32), "{event}");
        assert_eq!(event["user"] == "", event["reason"] == "unknown_user", "{event}");
    }
    assert_eq!(events[1]["reason"], "wrong_password");
    assert_eq!((&events[5]["sessions_ended"], &events[6]["sessions_ended"]), (&json!(1), &json!(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn log_contains_no_secret_at_trace_level() {
    let server = LoggedServer::start("trace", "json");
    let secrets = live(&server).await;
    let log = server.log();
    assert!(log.contains("\"TRACE\"") && log.contains("\"DEBUG\""), "the log has all levels");
    for secret in secrets {
        let line = log.lines().find(|line| line.contains(&secret));
        assert!(line.is_none(), "{secret} in {line:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_forwarded_entry_is_logged_once_a_minute() {
    let server = LoggedServer::start("info", "json");
    for forwarded in ["192.0.2.1", "192.0.2.1:80", "192.0.2.1, unknown", "unknown", "192.0.2.1, _hidden"] {
        let request = server.http.get(format!("{}{}", server.server.url, routes::CONFIG));
        let response = request.header("x-forwarded-for", forwarded).send().await.unwrap();
        assert_eq!(response.status(), 200);
    }
    let log = server.log();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    let with = |message: &'static str| {
        lines.iter().filter(move |line| line["message"] == message).collect::<Vec<_>>()
    };
    let addresses: Vec<_> = with("request completed").iter().map(|line| line["address"].clone()).collect();
    assert_eq!(addresses, ["192.0.2.1", "192.0.2.1", "127.0.0.1", "127.0.0.1", "127.0.0.1"]);
    let [warning] = with("X-Forwarded-For entry is not an IP address")[..] else { panic!("{log}") };
    assert_eq!(warning["level"], "WARN");
    assert_eq!((&warning["proxy"], &warning["entry"]), (&json!("127.0.0.1"), &json!("\"unknown\"")));
}

#[tokio::test(flavor = "multi_thread")]
async fn assertion_without_key_is_logged_once_with_setting() {
    let server = LoggedServer::start("info", "json");
    for _ in 0..3 {
        let body = json!({"assertion": "a.b.c"});
        assert_eq!(server.call(Method::POST, routes::LOGIN_ASSERTION, "", body).await.status(), 403);
    }
    let warnings = server.warnings();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0]["message"].as_str().unwrap().contains("ASSERTION_KEY"), "{warnings:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rejected_origin_is_logged_once_with_setting() {
    let server = LoggedServer::start_with("info", "json", &[("ALLOWED_ORIGINS", "http://localhost:5503")]);
    let send = async |method: Method, origin: &str, asked: &[(&str, &str)]| {
        let request = server.http.request(method, format!("{}{}", server.server.url, routes::LOGIN));
        let request = asked.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        request.header("origin", origin).json(&json!({})).send().await.unwrap().status().as_u16()
    };
    let preflight = ("access-control-request-method", "POST");
    assert_eq!(send(Method::OPTIONS, "http://localhost:5501", &[preflight]).await, 403);
    assert_eq!(send(Method::POST, "http://localhost:5501", &[]).await, 403);
    assert_eq!(send(Method::POST, "http://localhost:5502", &[]).await, 403);
    let config = server.http.get(format!("{}{}", server.server.url, routes::CONFIG));
    let config = config.header("origin", "http://localhost:5504").send().await.unwrap();
    assert_eq!(config.status(), 200, "the browser withholds it");
    let headers = [preflight, ("access-control-request-headers", "x-requested-with")];
    assert_eq!(send(Method::OPTIONS, "http://localhost:5503", &headers).await, 400);
    let warnings = server.warnings();
    assert_eq!(warnings.len(), 4, "{warnings:?}");
    for (warning, origin) in
        warnings.iter().zip(["http://localhost:5501", "http://localhost:5502", "http://localhost:5504"])
    {
        assert_eq!(warning["origin"], origin);
        assert!(warning["message"].as_str().unwrap().contains("ALLOWED_ORIGINS"), "{warnings:?}");
    }
    assert_eq!(warnings[3]["origin"], "http://localhost:5503");
    assert!(warnings[3]["reason"].as_str().unwrap().contains("x-requested-with"), "{warnings:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn assertion_with_email_of_other_user_is_logged_by_ids() {
    let key = STANDARD.encode([9; 32]);
    let server = LoggedServer::start_with("info", "json", &[("ASSERTION_KEY", &key)]);
    let register = json!({"email": "ada@example.com", "password": PASSWORD, "name": "Ada"});
    let response = server.call(Method::POST, routes::REGISTER, "", register).await;
    let owner: LoginResponse = response.json().await.unwrap();
    let body = json!({"assertion": assertion("ada-7", "Ada@example.com")});
    let response = server.call(Method::POST, routes::LOGIN_ASSERTION, "", body).await;
    assert_eq!(response.status(), 409);
    let error: Value = response.json().await.unwrap();
    assert!(error["message"].as_str().unwrap().contains("Contact your administrator"), "{error}");
    let body = json!({"assertion": assertion("Ada", "ada-7@example.com")});
    assert_eq!(server.call(Method::POST, routes::LOGIN_ASSERTION, "", body).await.status(), 401);
    let warnings = server.warnings();
    assert_eq!((&warnings[0]["user"], &warnings[0]["owner"]), (&json!("ada-7"), &json!(owner.id)));
    assert!(warnings[1]["cause"].as_str().unwrap().contains("the character 'A'"), "{warnings:?}");
    assert!(!format!("{warnings:?}").contains("example.com"), "{warnings:?}");
}

fn assertion(user: &str, email: &str) -> String {
    let now = Clock::system().now();
    let claims = json!({"aud": "cometchat-auth", "sub": user, "email": email, "name": "Ada", "iat": now,
                        "exp": now + 60, "jti": user});
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let body = format!("{}.{}", part(json!({"alg": "HS256"})), part(claims));
    let mac = Hmac::<Sha256>::new_from_slice(&[9; 32]).unwrap().chain_update(&body).finalize().into_bytes();
    format!("{body}.{}", URL_SAFE_NO_PAD.encode(mac))
}

/// Sends a forged log line and a terminal escape sequence in every field.
async fn inject(server: &LoggedServer) {
    const LINE: &str = "\n2026-11-25T00:00:00Z  INFO audit: injected\u{1b}[31m\r\u{2028}\u{9b}31m";
    const IN_URL: &str = "%0A2026-11-25T00:00:00Z%20INFO%20audit:%20injected%1B%5B31m%0D%E2%80%A8";
    let register = json!({"email": "ada@example.com", "password": PASSWORD, "name": "Ada"});
    let cookie = cookies(&server.call(Method::POST, routes::REGISTER, "", register).await);
    let everything = json!({"email": LINE, "password": LINE, "name": LINE, "assertion": LINE, LINE: LINE});
    let id = format!("{}/{IN_URL}", routes::SESSIONS);
    let query = format!("{}?{IN_URL}={IN_URL}", routes::SESSION);
    for (method, path, body) in [
        (Method::POST, routes::LOGIN, json!({"email": format!("a@{LINE}"), "password": "x"})),
        (Method::POST, routes::LOGIN, json!({"email": "ada@example.com", "password": LINE})),
        (Method::POST, routes::LOGIN, everything.clone()),
        (Method::POST, routes::REGISTER, everything.clone()),
        (Method::POST, routes::LOGIN_ASSERTION, everything),
        (Method::PUT, routes::ACCOUNT, json!({"name": LINE})),
        (Method::DELETE, &id, json!({})),
        (Method::GET, &query, json!({})),
        (Method::GET, &format!("/{IN_URL}"), json!({})),
        (Method::from_bytes(b"INJECTED").unwrap(), "/", json!({})),
    ] {
        let request =
            server.http.request(method, format!("{}{path}", server.server.url)).header("cookie", &cookie);
        let request =
            ["user-agent", "x-forwarded-for", "traceparent", "tracestate", "origin", "x-request-id"]
                .iter()
                .fold(request, |request, name| {
                    request.header(*name, "injected\tinjected \u{9b}31m".as_bytes())
                });
        request.json(&body).send().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn log_lines_cannot_be_forged_by_input() {
    for format in ["text", "json"] {
        let server = LoggedServer::start("debug", format);
        inject(&server).await;
        let log = server.log();
        assert!(
            log.lines().filter(|line| line.contains("request completed")).count() >= 10,
            "all of it was logged: {log}"
        );
        for line in log.lines() {
            if format == "json" {
                serde_json::from_str::<Value>(line).expect(line);
            }
            assert!(line.starts_with(if format == "json" { "{" } else { "20" }), "{line}");
            assert!(!line.starts_with("2026-11-25T00:00:00Z"), "{line}");
            assert!(!line.contains(|c: char| c.is_control() || c == '\u{2028}'), "{line:?}");
        }
    }
}
