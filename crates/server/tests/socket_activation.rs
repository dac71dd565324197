//! Socket activation: the service manager, here the test, holds the listening socket while the server restarts.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::json;
use shared::routes;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use test_support::{PASSWORD, Process, TestEmulator, binary, canary, eventually};

/// Clients that log in. Few: the server rejects logins if hashing cannot keep up, which is not the matter here.
const LOGIN_CLIENTS: usize = 3;
/// Clients whose requests cost the server little.
const HEALTH_CLIENTS: usize = 8;
/// Pause of these clients, which leaves the processors to the server.
const HEALTH_INTERVAL: Duration = Duration::from_millis(5);
const RESTARTS: usize = 5;

/// Returns a command that becomes the server, with its standard input as file 3, the first that systemd passes.
fn with_first_file(file: impl Into<Stdio>) -> Command {
    let mut command = test_support::command("sh");
    command.args(["-c", r#"export LISTEN_FDS=1 LISTEN_PID=$$; exec "$0" 3<&0 0</dev/null"#]);
    command.arg(binary("cometchat-auth")).stdin(file);
    command
}

fn start(listener: &TcpListener, folder: &Path, database: &str, emulator: &str) -> Process {
    let listener = OwnedFd::from(listener.try_clone().unwrap());
    let settings = [("DATABASE_URL", database), ("COMETCHAT_EMULATOR_URL", emulator)];
    Process::server_by(with_first_file(listener), folder, &settings)
}

/// Each client has an account of its own: the sessions of one account have a limit.
fn email(client: usize) -> String {
    format!("ada{client}@example.com")
}

fn login(http: &Client, url: &str, client: usize) -> RequestBuilder {
    let body = json!({"email": email(client), "password": PASSWORD});
    http.post(format!("{url}{}", routes::LOGIN)).json(&body)
}

/// Load from clients that keep their connections, until it is stopped.
struct Load {
    is_stopped: Arc<AtomicBool>,
    /// Responses to each client.
    responses: Vec<Arc<AtomicUsize>>,
    clients: Vec<tokio::task::JoinHandle<()>>,
}

impl Load {
    fn start(url: &str) -> Self {
        let mut load = Self { is_stopped: Arc::default(), responses: Vec::new(), clients: Vec::new() };
        for number in 0..LOGIN_CLIENTS + HEALTH_CLIENTS {
            let (url, is_stopped) = (url.to_owned(), Arc::clone(&load.is_stopped));
            let responses = Arc::new(AtomicUsize::new(0));
            load.responses.push(Arc::clone(&responses));
            load.clients.push(tokio::spawn(async move {
                let http = test_support::client();
                let mut checks = tokio::time::interval(HEALTH_INTERVAL);
                while !is_stopped.load(Ordering::Relaxed) {
                    let request = if number < LOGIN_CLIENTS {
                        login(&http, &url, number)
                    } else {
                        checks.tick().await;
                        http.get(format!("{url}{}", routes::HEALTHZ))
                    };
                    let response = request.send().await.expect("a request is lost");
                    assert_eq!(response.status(), StatusCode::OK);
                    response.bytes().await.expect("the rest of a response is lost");
                    responses.fetch_add(1, Ordering::Relaxed);
                }
            }));
        }
        load
    }

    /// Waits until each client has received a few more responses.
    async fn progress(&self) {
        for responses in &self.responses {
            let before = responses.load(Ordering::Relaxed);
            eventually("a client gets responses", || async {
                responses.load(Ordering::Relaxed) > before + 2
                    || self.clients.iter().any(|client| client.is_finished())
            })
            .await;
        }
    }

    async fn stop(self) {
        self.is_stopped.store(true, Ordering::Relaxed);
        for client in self.clients {
            client.await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn restarts_with_passed_socket_lose_no_request() {
    let (folder, emulator) = (canary::folder(), TestEmulator::start().url);
    let database = test_support::new_database(folder.path()).await;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());

    let mut server = start(&listener, folder.path(), &database, &emulator);
    assert_eq!(server.url, url, "the server binds LISTEN");
    for client in 0..LOGIN_CLIENTS {
        let body = json!({"email": email(client), "password": PASSWORD, "name": "Ada"});
        let response =
            test_support::client().post(format!("{url}{}", routes::REGISTER)).json(&body).send().await;
        assert_eq!(response.unwrap().status(), StatusCode::CREATED);
    }
    let load = Load::start(&url);
    load.progress().await;
    for _ in 0..RESTARTS {
        server.signal("-TERM");
        assert!(server.wait().success());
        server = start(&listener, folder.path(), &database, &emulator);
        load.progress().await;
    }
    load.stop().await;
}

#[test]
fn passed_file_that_is_no_socket_prevents_start() {
    let folder = canary::folder();
    let mut command = with_first_file(Stdio::null());
    command.current_dir(folder.path()).env_clear().env("COMETCHAT_EMULATOR_URL", "http://127.0.0.1:9");
    let output = command.output().unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(message.contains("LISTEN_FDS: fd 3 is not a socket"), "{message}");
}
