//! Requests that follow each other on one connection without waiting for responses.

use crate::helpers::*;
use serde_json::json;
use shared::routes;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

async fn connect(app: &TestApp) -> TcpStream {
    TcpStream::connect(app.url.strip_prefix("http://").unwrap()).await.unwrap()
}

fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").into_bytes()
}

/// A login whose JSON body has empty lines.
fn login(password: &str, is_chunked: bool) -> Vec<u8> {
    let body = json!({"email": EMAIL, "password": password}).to_string().replace(',', ",\n\n\r\n\n");
    let head = format!("POST {} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n", routes::LOGIN);
    if is_chunked {
        let (one, two) = body.split_at(20);
        let chunks = format!("{:x}\r\n{one}\r\n{:x};name=value\r\n{two}\r\n0\r\n\r\n", one.len(), two.len());
        format!("{head}Transfer-Encoding: chunked\r\n\r\n{chunks}").into_bytes()
    } else {
        format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
    }
}

/// Returns the statuses of this many responses in order.
async fn statuses(stream: &mut TcpStream, count: usize) -> Vec<u16> {
    let (mut received, mut statuses) = (Vec::new(), Vec::new());
    while statuses.len() < count {
        if let Some(head) = received.windows(4).position(|end| end == b"\r\n\r\n") {
            let text = String::from_utf8(received[..head].to_vec()).unwrap().to_lowercase();
            let length = text.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
            let end = head + 4 + length.map_or(0, |length| length.parse().unwrap());
            if received.len() >= end {
                statuses.push(text.split(' ').nth(1).unwrap().parse().unwrap());
                received.drain(..end);
                continue;
            }
        }
        let read = tokio::time::timeout(Duration::from_secs(20), stream.read_buf(&mut received)).await;
        match read {
            Ok(Ok(1..)) => {}
            other => panic!("{other:?} after {statuses:?}"),
        }
    }
    statuses
}

#[tokio::test(flavor = "multi_thread")]
async fn pipelined_requests_are_all_answered_in_order() {
    let app = TestApp::start().await;
    let one_round: [(Vec<u8>, u16); 7] = [
        (get(routes::HEALTHZ), 200),
        (login("a wrong password!", false), 401),
        (get("/api/nothing"), 404),
        (login(PASSWORD, true), 200),
        (get(routes::OPENAPI), 200),
        (b"\r\n\r\nPUT /healthz HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(), 405),
        (get(routes::SESSION), 401),
    ];
    let rounds = 5;
    let expected: Vec<u16> = (0..rounds).flat_map(|_| one_round.iter().map(|(_, status)| *status)).collect();
    let bytes = one_round.iter().flat_map(|(request, _)| request.clone()).collect::<Vec<_>>().repeat(rounds);
    // As one chunk, in chunks of arbitrary length, and byte by byte.
    for size in [bytes.len(), 1000, 61, 1] {
        let mut stream = connect(&app).await;
        stream.set_nodelay(true).unwrap();
        for piece in bytes.chunks(size) {
            stream.write_all(piece).await.unwrap();
        }
        assert_eq!(statuses(&mut stream, expected.len()).await, expected, "in pieces of {size}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn half_closed_client_gets_all_its_responses() {
    let app = TestApp::start().await;
    let mut stream = connect(&app).await;
    stream.write_all(&[login(PASSWORD, false), get(routes::HEALTHZ).repeat(50)].concat()).await.unwrap();
    stream.shutdown().await.unwrap();
    assert_eq!(statuses(&mut stream, 51).await, [200; 51]);
}

#[tokio::test(flavor = "multi_thread")]
async fn body_sent_after_100_continue_is_read() {
    let app = TestApp::start().await;
    let mut stream = connect(&app).await;
    let request = String::from_utf8(login(PASSWORD, false)).unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let head = format!("{head}\r\nExpect: 100-continue\r\n\r\n");
    stream.write_all(&[get(routes::HEALTHZ), head.into_bytes()].concat()).await.unwrap();
    assert_eq!(statuses(&mut stream, 2).await, [200, 100]);
    stream.write_all(&[body.as_bytes(), &get(routes::HEALTHZ)].concat()).await.unwrap();
    assert_eq!(statuses(&mut stream, 2).await, [200, 200]);
}

#[tokio::test(flavor = "multi_thread")]
async fn unread_body_closes_connection_after_response() {
    let app = TestApp::start().await;
    for body in ["Content-Length: 100000\r\n\r\nx", "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"] {
        let mut stream = connect(&app).await;
        stream.write_all(format!("GET /healthz HTTP/1.1\r\nHost: x\r\n{body}").as_bytes()).await.unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).await.unwrap();
        assert!(response.starts_with("HTTP/1.1 200"), "{response}");
        assert!(response.to_lowercase().contains("connection: close"), "{response}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn head_over_32_kib_returns_431() {
    let app = TestApp::start().await;
    let head = |bytes: usize| format!("GET /healthz HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "x".repeat(bytes));
    let mut stream = connect(&app).await;
    stream.write_all(&[get(routes::HEALTHZ), head(32_000).into_bytes()].concat()).await.unwrap();
    assert_eq!(statuses(&mut stream, 2).await, [200, 200]);
    // The client may send it completely before the server rejects it, so that unread data does not reset the connection.
    stream.write_all(head(33_000).split_at(32_900).0.as_bytes()).await.unwrap();
    assert_eq!(statuses(&mut stream, 1).await, [431]);
    assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
}

/// Removes a response from the start of the bytes, and returns its head without the headers that differ in each response.
fn take_response(received: &mut Vec<u8>, has_body: bool) -> String {
    let end = received.windows(4).position(|end| end == b"\r\n\r\n").expect("a head");
    let head = String::from_utf8(received.drain(..end + 4).collect()).unwrap().to_lowercase();
    assert!(head.starts_with("http/1.1 "), "{head}");
    if has_body {
        let length = head.split("content-length: ").nth(1).unwrap().lines().next().unwrap();
        received.drain(..length.parse::<usize>().unwrap());
    }
    let varying = ["date:", "x-request-id:", "connection:"];
    let is_constant = |line: &&str| !varying.iter().any(|name| line.starts_with(name));
    let mut lines: Vec<_> = head.lines().filter(is_constant).collect();
    // The headers of a response have no fixed order.
    lines[1..].sort_unstable();
    lines.join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn head_response_is_that_of_get_without_body() {
    let app = TestApp::start().await;
    for (path, status) in [
        (routes::HEALTHZ, "200"),
        (routes::READYZ, "200"),
        (routes::CONFIG, "200"),
        (routes::OPENAPI, "200"),
        (routes::SESSION, "401"),
        (routes::LOGIN, "405"),
        ("/api/nothing", "404"),
        ("/", ""),
        (routes::API_DOCS, ""),
    ] {
        let get = String::from_utf8(get(path)).unwrap();
        let head = get.replace("GET", "HEAD");
        let last = get.replace("Host", "Connection: close\r\nHost");
        // All at once: a body that the client does not expect would be the start of the next response.
        let requests = [&head, &get, &head, &head, &last];
        let mut stream = connect(&app).await;
        stream.write_all(requests.map(String::as_str).concat().as_bytes()).await.unwrap();
        let mut received = Vec::new();
        stream.read_to_end(&mut received).await.unwrap();
        let heads = requests.map(|request| take_response(&mut received, request.starts_with("GET")));
        assert!(received.is_empty(), "{path}");
        assert!(heads[0].starts_with(&format!("http/1.1 {status}")), "{path}: {}", heads[0]);
        assert!(heads[0].contains("content-length: "), "{path}: {}", heads[0]);
        for head in &heads[1..] {
            assert_eq!(head, &heads[0], "{path}");
        }
    }
}
