//! Graceful shutdown of the binary: it finishes requests in progress, within a time limit.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use cometchat_auth::db::Db;
use reqwest::{Client, StatusCode};
use serde_json::json;
use shared::routes;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use test_support::{PASSWORD, Process, TestEmulator, binary, eventually};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const CLIENTS: usize = 8;

async fn start(folder: &TempDir, emulator: &TestEmulator) -> (Process, String) {
    let database = test_support::new_database(folder.path()).await;
    let server = Process::server(
        folder.path(),
        &[("DATABASE_URL", &database), ("COMETCHAT_EMULATOR_URL", &emulator.url)],
    );
    for client in 0..CLIENTS {
        let body = json!({"email": email(client), "password": PASSWORD, "name": "Ada"});
        let response =
            test_support::client().post(format!("{}{}", server.url, routes::REGISTER)).json(&body).send();
        assert_eq!(response.await.unwrap().status(), StatusCode::CREATED);
    }
    (server, database)
}

/// Each client has an account of its own: the sessions of one account have a limit.
fn email(client: usize) -> String {
    format!("ada{client}@example.com")
}

/// Sends a request that costs the server little: there are thousands per second, and while the server shuts down each
/// needs a new connection.
async fn check_health(http: &Client, url: &str) -> reqwest::Result<StatusCode> {
    let response = http.get(format!("{url}{}", routes::HEALTHZ)).send().await?;
    let status = response.status();
    response.bytes().await?;
    Ok(status)
}

async fn login(http: &Client, url: &str, client: usize) -> reqwest::Result<StatusCode> {
    let body = json!({"email": email(client), "password": PASSWORD});
    let response = http.post(format!("{url}{}", routes::LOGIN)).json(&body).send().await?;
    let status = response.status();
    response.bytes().await?;
    Ok(status)
}

#[tokio::test(flavor = "multi_thread")]
async fn graceful_shutdown_under_load_drops_no_request() {
    let folder = test_support::canary::folder();
    let (server, database) = start(&folder, &TestEmulator::start()).await;
    let logins = Arc::new(AtomicUsize::new(0));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let (url, logins) = (server.url.clone(), Arc::clone(&logins));
            tokio::spawn(async move {
                let http = test_support::client();
                loop {
                    match login(&http, &url, client).await {
                        Ok(status) => assert_eq!(status, StatusCode::OK),
                        // The port is closed.
                        Err(error) => return !error.is_connect(),
                    }
                    logins.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    while logins.load(Ordering::Relaxed) < 5 * CLIENTS {
        tokio::task::yield_now().await;
    }
    let quick: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let url = server.url.clone();
            tokio::spawn(async move {
                let http = test_support::client();
                loop {
                    match check_health(&http, &url).await {
                        Ok(status) => assert_eq!(status, StatusCode::OK),
                        Err(error) => return !error.is_connect(),
                    }
                }
            })
        })
        .collect();
    server.signal("-TERM");
    let mut dropped = 0;
    for client in clients.into_iter().chain(quick) {
        dropped += usize::from(client.await.unwrap());
    }
    assert_eq!(dropped, 0, "requests were dropped");
    assert!(server.wait().success());
    let db = Db::open(&database).await.unwrap();
    let sessions = db.fetch_all::<(i64,)>("SELECT count(*) FROM sessions", &[]).await.unwrap()[0].0;
    assert_eq!(usize::try_from(sessions).unwrap(), logins.load(Ordering::Relaxed) + CLIENTS);
}

/// Returns a command that becomes the server, with a hard limit of 128 open files: it accepts 64 connections.
fn with_few_files() -> Command {
    let mut command = test_support::command("sh");
    command.args(["-c", r#"ulimit -n 128; exec "$0""#]).arg(binary("cometchat-auth"));
    command
}

async fn send_health_check(address: &str) -> TcpStream {
    let mut connection = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {} HTTP/1.1\r\nHost: x\r\n\r\n", routes::HEALTHZ);
    connection.write_all(request.as_bytes()).await.unwrap();
    connection
}

#[tokio::test(flavor = "multi_thread")]
async fn graceful_shutdown_serves_the_accept_queue() {
    let folder = test_support::canary::folder();
    let database = test_support::new_database(folder.path()).await;
    let settings = [("DATABASE_URL", &*database), ("COMETCHAT_EMULATOR_URL", "http://127.0.0.1:9")];
    let server = Process::server_by(with_few_files(), folder.path(), &settings);
    let address = server.address();
    // These keep their connections: the server accepts no others.
    let mut idle = Vec::new();
    for _ in 0..64 {
        let mut connection = send_health_check(address).await;
        assert_ne!(connection.read(&mut [0; 1024]).await.unwrap(), 0);
        idle.push(connection);
    }
    let mut queued = Vec::new();
    for _ in 0..8 {
        queued.push(send_health_check(address).await);
    }
    server.signal("-TERM");
    for mut connection in queued {
        let mut response = String::new();
        connection.read_to_string(&mut response).await.unwrap();
        assert!(response.starts_with("HTTP/1.1 200 OK\r\n"), "{response}");
        assert!(response.contains("connection: close\r\n"), "{response}");
    }
    assert!(server.wait().success());
}

/// Returns a server that shuts down while a login waits for a response of CometChat.
async fn server_with_request_in_progress(http: &Client, folder: &TempDir) -> Process {
    let emulator = TestEmulator::start();
    let (server, _) = start(folder, &emulator).await;
    let hang = json!({"api": "rest", "kind": "hang"});
    emulator.add_fault(hang).await;
    let (client, url) = (http.clone(), server.url.clone());
    tokio::spawn(async move { login(&client, &url, 0).await });
    eventually("CometChat is asked for a token", || async {
        emulator.calls("POST", "/auth_tokens").await > 0
    })
    .await;
    server.signal("-TERM");
    server
}

#[tokio::test(flavor = "multi_thread")]
async fn graceful_shutdown_ends_on_second_signal() {
    let (folder, http) = (test_support::canary::folder(), test_support::client());
    let server = server_with_request_in_progress(&http, &folder).await;
    let mut was_unready = false;
    while let Ok(response) = http.get(format!("{}{}", server.url, routes::READYZ)).send().await {
        was_unready |= response.status() == StatusCode::SERVICE_UNAVAILABLE;
    }
    assert!(was_unready, "the server reports that it is ready until it closes its port");
    let start = Instant::now();
    server.signal("-TERM");
    assert!(!server.wait().success());
    assert!(start.elapsed() < Duration::from_secs(2), "the server waits for the request");
}
