//! How the real binary ends: what is under way is finished, and nobody waits for ever.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use cometchat_auth::db::Db;
use common::{PASSWORD, Server};
use reqwest::{Client, StatusCode};
use serde_json::json;
use shared::routes;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const CLIENTS: usize = 8;

async fn start(folder: &TempDir, emulator: &str) -> (Server, String) {
    let database = common::new_database(folder.path()).await;
    let server =
        Server::start(folder.path(), &[("DATABASE_URL", &database), ("COMETCHAT_EMULATOR_URL", emulator)]);
    for client in 0..CLIENTS {
        let body = json!({"email": email(client), "password": PASSWORD, "name": "Ada"});
        let answer = common::client().post(format!("{}{}", server.url, routes::REGISTER)).json(&body).send();
        assert_eq!(answer.await.unwrap().status(), StatusCode::CREATED);
    }
    (server, database)
}

/// Each client has an account of its own: the sessions of one account have a limit.
fn email(client: usize) -> String {
    format!("ada{client}@example.com")
}

/// What costs nothing: thousands a second, each of which wants a connection of its own from a server that stops.
async fn version(http: &Client, url: &str) -> reqwest::Result<StatusCode> {
    let answer = http.get(format!("{url}{}", routes::HEALTHZ)).send().await?;
    let status = answer.status();
    answer.bytes().await?;
    Ok(status)
}

async fn login(http: &Client, url: &str, client: usize) -> reqwest::Result<StatusCode> {
    let body = json!({"email": email(client), "password": PASSWORD});
    let answer = http.post(format!("{url}{}", routes::LOGIN)).json(&body).send().await?;
    let status = answer.status();
    answer.bytes().await?;
    Ok(status)
}

#[tokio::test(flavor = "multi_thread")]
async fn graceful_shutdown_under_load_drops_no_request() {
    let folder = common::canary::folder();
    let (server, database) = start(&folder, &common::emulator()).await;
    let answered = Arc::new(AtomicUsize::new(0));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let (url, answered) = (server.url.clone(), Arc::clone(&answered));
            tokio::spawn(async move {
                let http = common::client();
                loop {
                    match login(&http, &url, client).await {
                        Ok(status) => assert_eq!(status, StatusCode::OK),
                        // It takes nobody any more.
                        Err(error) => return !error.is_connect(),
                    }
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    while answered.load(Ordering::Relaxed) < 5 * CLIENTS {
        tokio::task::yield_now().await;
    }
    let quick: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let url = server.url.clone();
            tokio::spawn(async move {
                let http = common::client();
                loop {
                    match version(&http, &url).await {
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
    assert_eq!(usize::try_from(sessions).unwrap(), answered.load(Ordering::Relaxed) + CLIENTS);
}

/// Until it is told to stop while a sign-in waits for CometChat, which does not answer.
async fn stopping_with_a_request_under_way(http: &Client, folder: &TempDir) -> (Server, String) {
    let emulator = common::emulator();
    let (server, _) = start(folder, &emulator).await;
    let hang = json!({"api": "rest", "kind": "hang"});
    http.post(format!("{emulator}/emulator/faults")).json(&hang).send().await.unwrap();
    let (client, url) = (http.clone(), server.url.clone());
    tokio::spawn(async move { login(&client, &url, 0).await });
    loop {
        let state =
            http.get(format!("{emulator}/emulator/state")).send().await.unwrap().text().await.unwrap();
        if state.contains("/auth_tokens\"") {
            break;
        }
    }
    server.signal("-TERM");
    (server, emulator)
}

#[tokio::test(flavor = "multi_thread")]
async fn graceful_shutdown_ends_at_once_on_second_signal() {
    let (folder, http) = (common::canary::folder(), common::client());
    let (server, _emulator) = stopping_with_a_request_under_way(&http, &folder).await;
    let mut said_so = false;
    while let Ok(answer) = http.get(format!("{}{}", server.url, routes::READYZ)).send().await {
        said_so |= answer.status() == StatusCode::SERVICE_UNAVAILABLE;
    }
    assert!(said_so, "it was ready to the last");
    let since = Instant::now();
    server.signal("-TERM");
    assert!(!server.wait().success());
    assert!(since.elapsed() < Duration::from_secs(2), "it waited for the request");
}
