//! Tests with requests that no client library sends, written to a TCP connection.

use crate::helpers::*;
use futures_util::future::join_all;
use reqwest::StatusCode;
use shared::routes;
use std::io::ErrorKind;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

async fn connect(app: &TestApp) -> TcpStream {
    TcpStream::connect(app.url.strip_prefix("http://").unwrap()).await.unwrap()
}

/// Sends these bytes, and returns everything that the server sends until it closes the connection.
async fn responses(app: &TestApp, bytes: &[u8]) -> String {
    let mut stream = connect(app).await;
    // The server may close the connection before the client has sent everything.
    let _ = stream.write_all(bytes).await;
    let mut responses = Vec::new();
    let _ = stream.read_to_end(&mut responses).await;
    String::from_utf8_lossy(&responses).into_owned()
}

/// Returns the response to a request with this request line and additional headers.
async fn response(app: &TestApp, line: &str, headers: &str) -> String {
    let request = format!("{line}\r\nHost: localhost:3000\r\nConnection: close\r\n{headers}\r\n");
    responses(app, request.as_bytes()).await
}

fn status(response: &str) -> u16 {
    response.split(' ').nth(1).unwrap_or_default().parse().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn path_traversal_reads_no_file_outside_page() {
    let app = TestApp::start().await;
    let ups =
        ["../", "..%2f", "%2e%2e/", "%2e%2e%2f", "..\\", "..%5c", "..;/", "....//", ".%00./", "%252e%252e/"];
    let files = ["etc/passwd", "Cargo.toml", "src/lib.rs", "crates/server/Cargo.toml", "proc/self/environ"];
    // An unknown path gets the web app, which shows "not found".
    let page = response(&app, "GET /no/such/page HTTP/1.1", "").await;
    let page = page.split_once("\r\n\r\n").unwrap().1;
    for up in ups {
        for file in files {
            for start in ["/", "/cometchat-sdk-4.2.0/", "//", "/.git/../"] {
                let path = format!("{start}{}{file}", up.repeat(12));
                let got = response(&app, &format!("GET {path} HTTP/1.1"), "").await;
                for inside in ["root:", "[package]", "//!", "PATH="] {
                    assert!(!got.contains(inside), "{path}: {got}");
                }
                let body = got.split_once("\r\n\r\n").unwrap().1;
                assert!([400, 404].contains(&status(&got)) || body == page, "{path}: {got}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn response_has_no_open_redirect_or_echoed_host() {
    let open = TestApp::start().await;
    let closed = TestApp::start_with(|config| config.registration_is_open = false).await;
    let lies = "X-Forwarded-Host: evil.example\r\nForwarded: host=evil.example;proto=https\r\n\
                X-Forwarded-Proto: https\r\nX-Original-URL: //evil.example\r\nReferer: https://evil.example/\r\n";
    for path in [
        "//evil.example",
        "//evil.example/..",
        "/\\evil.example",
        "/%2f%2fevil.example",
        "/https://evil.example",
        "http://evil.example/",
        "/?next=https://evil.example&redirect_uri=//evil.example",
        "/api/docs?url=https://evil.example/openapi.json",
        "/api/session?return=https://evil.example",
        "/api/login?continue=//evil.example",
        "/api//evil.example",
        "/nothing.js?evil.example",
        "/healthz",
        "//register",
        "/register/@evil.example",
        "/register?next=https://evil.example",
    ] {
        for method in ["GET", "HEAD", "POST"] {
            for host in ["localhost:3000", "evil.example"] {
                let request =
                    format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{lies}\r\n");
                for app in [&open, &closed] {
                    let got = responses(app, request.as_bytes()).await.to_lowercase();
                    // The only redirect by path: to the login form.
                    let closed = "\r\nlocation: /\r\n";
                    let got = if got.contains(closed) && path.contains("register") {
                        got.replace(closed, "\r\n").replace(" 303 ", " 200 ")
                    } else {
                        got
                    };
                    assert!(!(300..400).contains(&status(&got)), "{path}: {got}");
                    assert!(!got.contains("\nlocation:") && !got.contains("\nrefresh:"), "{path}: {got}");
                    assert!(!got.contains("evil.example"), "{path}: {got}");
                }
            }
        }
    }
    let body = format!(r#"{{"email":"{EMAIL}","password":"{PASSWORD}"}}"#);
    let headers = format!("Content-Type: application/json\r\nContent-Length: {}\r\n{lies}", body.len());
    let login = format!(
        "POST {}?next=//evil.example HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n{headers}\r\n{body}",
        routes::LOGIN
    );
    let got = responses(&open, login.as_bytes()).await.to_lowercase();
    assert_eq!(status(&got), 200, "{got}");
    assert!(!got.contains("evil.example") && !got.contains("domain="), "{got}");
}

#[tokio::test(flavor = "multi_thread")]
async fn request_input_cannot_inject_response_headers() {
    let app = TestApp::start().await;
    let injected = "%0d%0aSet-Cookie:%20injected=1%0d%0a%0d%0a";
    for (line, headers) in [
        (format!("GET /{injected} HTTP/1.1"), String::new()),
        (format!("GET /api/{injected} HTTP/1.1"), String::new()),
        (format!("GET /api/session?x={injected} HTTP/1.1"), String::new()),
        (format!("DELETE /api/sessions/{injected} HTTP/1.1"), String::new()),
        ("GET /api/session HTTP/1.1".into(), "X-Request-Id: injected\r\nTraceparent: injected\r\n".into()),
        ("GET /api/session HTTP/1.1".into(), "Origin: https://injected\r\nCookie: injected=1\r\n".into()),
        ("OPTIONS /api/login HTTP/1.1".into(), "Origin: https://injected\r\nAccess-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: injected\r\n".into()),
        ("GET /api/session HTTP/1.1".into(), "User-Agent: a\rinjected: 1\r\n".into()),
        ("GET /api/session HTTP/1.1".into(), "User-Agent: a\0injected\r\n".into()),
    ] {
        let got = response(&app, &line, &headers).await;
        let head = got.split("\r\n\r\n").next().unwrap();
        assert!(!head.contains("injected"), "{line} {headers}: {head}");
        assert!((400..500).contains(&status(&got)) || status(&got) == 200, "{line} {headers}: {got}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ambiguous_request_framing_is_refused_with_400() {
    let app = TestApp::start().await;
    // A server that parses it as a second request sends two responses.
    let hidden = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    let length = hidden.len();
    for framing in [
        format!("Content-Length: {length}\r\nTransfer-Encoding: chunked\r\n"),
        format!("Transfer-Encoding: chunked\r\nContent-Length: {length}\r\n"),
        format!("Content-Length: {length}\r\nContent-Length: 0\r\n"),
        format!("Content-Length: {length}\r\nContent-Length: {length}\r\n"),
        format!("Content-Length: {length}, 0\r\n"),
        format!("Content-Length: +{length}\r\n"),
        format!("Content-Length: -{length}\r\n"),
        format!("Content-Length: 0x{length:x}\r\n"),
        format!("Content-Length : {length}\r\n"),
        format!("Content-Length: 0\r\n {length}\r\n"),
        "Content-Length: 99999999999999999999\r\n".into(),
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n".into(),
        "Transfer-Encoding: chunked, identity\r\n".into(),
        "Transfer-Encoding: identity, chunked\r\n".into(),
        "Transfer-Encoding: xchunked\r\n".into(),
        "Transfer-Encoding: identity\r\n".into(),
        "Transfer-Encoding:\x0bchunked\r\n".into(),
        "Transfer-Encoding : chunked\r\n".into(),
        " Transfer-Encoding: chunked\r\n".into(),
        "X: y\r\n Transfer-Encoding: chunked\r\n".into(),
        "Transfer-Encoding\r\n: chunked\r\n".into(),
        "Host: again\r\n".into(),
    ] {
        let request = format!("POST /api/logout HTTP/1.1\r\nHost: x\r\n{framing}\r\n{hidden}");
        let got = responses(&app, request.as_bytes()).await;
        assert_eq!(status(&got), 400, "{framing}: {got}");
        assert_eq!(got.matches("HTTP/1.1 ").count(), 1, "{framing}: {got}");
    }
    for request in [
        format!("POST /api/logout HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{hidden}"),
        format!("POST /api/logout HTTP/1.1\r\nContent-Length: {length}\r\n\r\n{hidden}"),
        format!("POST /api/logout HTTP/2.0\r\nHost: x\r\n\r\n{hidden}"),
        format!("POST /api/logout\r\n\r\n{hidden}"),
    ] {
        let got = responses(&app, request.as_bytes()).await;
        assert_eq!((status(&got), got.matches("HTTP/1.1 ").count()), (400, 1), "{request}: {got}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn request_body_is_never_parsed_as_next_request() {
    let app = TestApp::start().await;
    let hidden = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    let length = hidden.len();
    let requests = [
        format!("GET /api/session HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{hidden}"),
        format!("POST /api/logout HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{hidden}"),
        format!("POST /api/nothing HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{hidden}"),
        format!(
            "POST /api/login HTTP/1.1\r\nHost: x\r\nSec-Fetch-Site: cross-site\r\nContent-Length: {length}\r\n\r\n{hidden}"
        ),
        format!(
            "POST /api/logout HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{length:x}\r\n{hidden}\r\n0\r\n\r\n"
        ),
        format!(
            "POST /api/logout HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0x{length:x}\r\n{hidden}\r\n0\r\n\r\n"
        ),
        format!(
            "POST /api/logout HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{}{length:x}\r\n{hidden}\r\n0\r\n\r\n",
            "F".repeat(16)
        ),
        format!(
            "POST /api/login HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: {length}\r\n\r\n{hidden}"
        ),
        format!(
            "GET /api/session HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nContent-Length: {length}\r\n\r\n{hidden}"
        ),
    ];
    let all = requests.iter().map(|request| responses(&app, request.as_bytes()));
    for (request, got) in requests.iter().zip(join_all(all).await) {
        let finals = got.matches("HTTP/1.1 ").count() - got.matches("HTTP/1.1 100 ").count();
        assert_eq!(finals, 1, "{request}: {got}");
        assert!(!got.contains("HTTP/1.1 200"), "{request}: {got}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn oversized_head_is_refused_without_harm() {
    let app = TestApp::start().await;
    for head in [
        format!("GET /healthz HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "x".repeat(200_000)),
        format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(70_000)),
        format!("GET /healthz HTTP/1.1\r\nHost: x\r\n{}\r\n", "X: y\r\n".repeat(100)),
        format!("{} /healthz HTTP/1.1\r\nHost: x\r\n\r\n", "X".repeat(200_000)),
        format!("GET /healthz HTTP/1.1\r\nHost: x\r\nCookie: {}", "a=b; ".repeat(1_000_000)),
    ] {
        let got = responses(&app, head.as_bytes()).await;
        // A reset can arrive before the response.
        assert!(got.is_empty() || [400, 414, 431].contains(&status(&got)), "{got}");
    }
    assert_eq!(app.browser().get(routes::HEALTHZ).await.status(), StatusCode::OK);
}

/// Sends the first part, then repeats the other part slowly, until the server closes the connection.
async fn drip(app: &TestApp, first: &str, then: &str) {
    let mut stream = connect(app).await;
    stream.write_all(first.as_bytes()).await.unwrap();
    let mut pace = tokio::time::interval(Duration::from_millis(50));
    let cut_off = async {
        loop {
            pace.tick().await;
            if let Err(error) = stream.write_all(then.as_bytes()).await {
                return error.kind();
            }
        }
    };
    let cut_off = tokio::time::timeout(Duration::from_secs(20), cut_off).await;
    let ends = [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe];
    assert!(cut_off.is_ok_and(|kind| ends.contains(&kind)), "{first:?} does not time out");
}

/// Starts a server with this request timeout.
async fn impatient(seconds: u64) -> TestApp {
    TestApp::start_with(|config| config.request_timeout = Duration::from_secs(seconds)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_client_is_disconnected_at_any_stage() {
    let app = impatient(2).await;
    let json = "Host: x\r\nContent-Type: application/json\r\n";
    let whole = "GET /api/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n";
    let (body, second, chunk, unread) = (
        format!("POST /api/login HTTP/1.1\r\n{json}Content-Length: 16000\r\n\r\n"),
        format!("{whole}GET /healthz HTTP/1.1\r\nX: "),
        "POST /api/logout HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned(),
        whole.repeat(500),
    );
    tokio::join!(
        drip(&app, "GET /healthz HTTP/1.1\r\nX: ", "x"),
        drip(&app, &body, " "),
        drip(&app, &second, "x"),
        drip(&app, &chunk, "1\r\nx\r\n"),
        // The client does not read these responses.
        drip(&app, &unread, whole),
        async { assert!(app.browser().login(EMAIL, PASSWORD).await.status().is_success()) },
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn active_connection_outlives_idle_timeout() {
    let app = impatient(3).await;
    let mut stream = connect(&app).await;
    let mut pace = tokio::time::interval(Duration::from_millis(100));
    // Twice the request timeout.
    for _ in 0..60 {
        pace.tick().await;
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let mut buffer = [0; 4096];
        assert!(stream.read(&mut buffer).await.unwrap() > 0);
    }
}
