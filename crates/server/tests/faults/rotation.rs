//! Tests of a `SECRET_KEY` rotation in two instances on one database under load: as docs/DEPLOY.md describes it, and
//! without its first step.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cometchat_auth::db::Db;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shared::routes;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use test_support::{ConsistencyChecker, PASSWORD, Process, TestEmulator, canary, client, new_database};
use tokio::sync::watch;
use tokio::time::{interval, timeout};

const CLIENTS: usize = 4;
/// The number of logins of all clients between two restarts.
const ROUNDS: usize = 3 * CLIENTS;

/// A key and its fallbacks.
type Keys = (u8, &'static [u8]);

fn text(byte: u8) -> String {
    STANDARD.encode([byte; 32])
}

/// Two instances and their URLs.
struct Instances {
    folder: TempDir,
    database: String,
    emulator: TestEmulator,
    servers: [Option<Process>; 2],
    urls: Arc<Mutex<[String; 2]>>,
}

impl Instances {
    async fn start(keys: Keys) -> Self {
        let folder = canary::folder();
        let database = new_database(folder.path()).await;
        let (emulator, urls) = (TestEmulator::start(), Arc::default());
        let mut instances = Self { folder, database, emulator, servers: [None, None], urls };
        instances.restart(0, keys);
        instances.restart(1, keys);
        instances
    }

    /// Stops an instance with SIGTERM, and starts it with these keys.
    fn restart(&mut self, number: usize, (own, fallbacks): Keys) {
        if let Some(server) = self.servers[number].take() {
            server.signal("-TERM");
            assert!(server.wait().success());
        }
        let (own, fallbacks) =
            (text(own), fallbacks.iter().map(|key| text(*key)).collect::<Vec<_>>().join(","));
        let mut settings = vec![
            ("DATABASE_URL", self.database.as_str()),
            ("COMETCHAT_EMULATOR_URL", &self.emulator.url),
            ("SECRET_KEY", &own),
        ];
        if !fallbacks.is_empty() {
            settings.push(("SECRET_KEY_FALLBACKS", &fallbacks));
        }
        let server = Process::server(self.folder.path(), &settings);
        self.urls.lock().unwrap()[number].clone_from(&server.url);
        self.servers[number] = Some(server);
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }
}

/// A browser that tries the other instance if one does not respond.
struct Browser {
    inner: test_support::Browser,
    urls: Arc<Mutex<[String; 2]>>,
    /// The index of the next instance.
    next: usize,
}

impl Browser {
    async fn call(&mut self, method: Method, path: &str, body: Value) -> (StatusCode, Value) {
        let begun = Instant::now();
        let mut attempts = interval(Duration::from_millis(20));
        loop {
            attempts.tick().await;
            self.next += 1;
            self.inner.url.clone_from(&self.urls.lock().unwrap()[self.next % 2]);
            // An overloaded or stopping instance responds with 503.
            if let Some((status, body)) = self.inner.call(method.clone(), path, body.clone()).await
                && status != StatusCode::SERVICE_UNAVAILABLE
            {
                return (status, body);
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "no instance responds");
        }
    }

    async fn login(&mut self, email: &str) {
        let (status, response) =
            self.call(Method::POST, routes::LOGIN, json!({"email": email, "password": PASSWORD})).await;
        assert_eq!(status, StatusCode::OK, "{response}");
    }

    async fn chat_token(&mut self) -> Value {
        self.call(Method::POST, routes::CHAT_TOKEN, json!({})).await.1["cometchatAuthToken"].take()
    }

    async fn logout(&mut self) {
        let (status, response) = self.call(Method::POST, routes::LOGOUT, json!({})).await;
        assert_eq!(status, StatusCode::NO_CONTENT, "{response}");
    }
}

/// Runs clients that log in and out repeatedly at alternating instances, until `stop` is set. Returns a session of each
/// client that lasts to the end, with its chat token.
async fn load(
    urls: Arc<Mutex<[String; 2]>>,
    stop: Arc<AtomicBool>,
    logins: watch::Sender<usize>,
) -> Vec<(Browser, Value)> {
    let clients = (0..CLIENTS).map(|number| {
        let (stop, logins, email) = (Arc::clone(&stop), logins.clone(), format!("user{number}@example.com"));
        let inner = || test_support::Browser::new(client(), String::new());
        let browser = || Browser { inner: inner(), urls: Arc::clone(&urls), next: number };
        let (mut stays, mut comes_and_goes) = (browser(), browser());
        tokio::spawn(async move {
            let body = json!({"email": email, "password": PASSWORD, "name": "User"});
            assert_eq!(stays.call(Method::POST, routes::REGISTER, body).await.0, StatusCode::CREATED);
            let token = stays.chat_token().await;
            while !stop.load(Ordering::Relaxed) {
                comes_and_goes.login(&email).await;
                comes_and_goes.logout().await;
                logins.send_modify(|count| *count += 1);
            }
            (stays, token)
        })
    });
    futures_util::future::try_join_all(clients).await.unwrap()
}

/// Starts two instances with the first keys, and restarts one after the other with the next keys, under load. Asserts
/// that chat tokens do not change, and that CometChat has no token after all sign-outs. Returns the log.
async fn rotate(steps: &[Keys]) -> String {
    let mut instances = Instances::start(steps[0]).await;
    let (stop, (logins, mut counted)) = (Arc::new(AtomicBool::new(false)), watch::channel(0));
    let (urls, emulator) = (Arc::clone(&instances.urls), instances.emulator.clone());
    let db = Db::open(&instances.database).await.unwrap();
    let clients = tokio::spawn(load(urls, Arc::clone(&stop), logins));
    let more = async |counted: &mut watch::Receiver<usize>| {
        let goal = *counted.borrow() + ROUNDS;
        // An error means that every client has failed, which joining them reports.
        let _ = counted.wait_for(|logins| *logins >= goal).await;
    };
    more(&mut counted).await;
    for keys in &steps[1..] {
        for number in [0, 1] {
            tokio::task::block_in_place(|| instances.restart(number, *keys));
            more(&mut counted).await;
        }
    }
    stop.store(true, Ordering::Relaxed);
    for (mut browser, token) in clients.await.unwrap() {
        assert!(token.is_string());
        assert_eq!(browser.chat_token().await, token, "the chat token has changed");
        browser.logout().await;
    }

    let count = async |sql: &'static str| db.fetch_all::<(i64,)>(sql, &[]).await.unwrap()[0].0;
    let settled = async {
        let mut polls = interval(Duration::from_millis(50));
        while count("SELECT count(*) FROM chat_jobs").await > 0 {
            assert_eq!(
                count("SELECT count(*) FROM chat_jobs WHERE parked = 1").await,
                0,
                "{}",
                instances.log()
            );
            polls.tick().await;
        }
    };
    assert!(timeout(Duration::from_secs(240), settled).await.is_ok(), "pending jobs: {}", instances.log());
    let theirs = ConsistencyChecker::new(emulator, db.clone()).cometchat_users().await;
    assert_eq!(theirs.len(), CLIENTS);
    for (uid, (_, tokens)) in theirs {
        assert!(tokens.is_empty(), "{uid} has no session, but tokens {tokens:?}");
    }
    // No value is sealed with the first key any more, so the last key is sufficient.
    let last = (steps.last().unwrap().0, &[][..]);
    instances.restart(0, last);
    instances.log()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn key_rotation_as_documented_loses_no_token() {
    let log = rotate(&[(7, &[]), (7, &[8]), (8, &[7])]).await;
    assert!(!log.contains("cannot be opened"), "{log}");
}

/// Without the first step, each instance has a key for a while that the other does not know.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn key_rotation_without_first_round_parks_no_job() {
    let log = rotate(&[(7, &[]), (8, &[7])]).await;
    assert!(!log.contains("parked"), "{log}");
}
