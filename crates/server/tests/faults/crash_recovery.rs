//! Tests with `kill -9` at random moments.

use crate::env::{self, Browser, OTHER_PASSWORD};
use cometchat_auth::crypto::random;
use cometchat_auth::db::Db;
use cometchat_auth::users::email::email_key;
use reqwest::{Client, Method, StatusCode};
use serde_json::json;
use shared::{ErrorCode, routes};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use test_support::PASSWORD;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// The number of kills.
const KILLS: usize = 50;
/// The number of concurrent clients.
const CLIENTS: usize = 8;

/// The state of a user according to the responses. Before a request, the values that it may change become uncertain; its
/// response makes them certain.
struct Known {
    email: String,
    /// `None` while it is uncertain.
    exists: Option<bool>,
    /// The possible names.
    names: Vec<String>,
    /// The possible values; each password change adds one.
    password_versions: Vec<i64>,
    /// The hashes of live and of ended sessions.
    live: Vec<String>,
    ended: Vec<String>,
}

/// The expected state according to all responses.
#[derive(Clone)]
struct Ledger {
    known: Arc<Mutex<BTreeMap<String, Known>>>,
    responses: watch::Sender<usize>,
}

impl Ledger {
    fn new() -> Self {
        Self { known: Arc::default(), responses: watch::Sender::new(0) }
    }

    fn begin(&self, email: &str) {
        let (names, password_versions) = (vec!["Before".into()], vec![1]);
        let (live, ended) = (Vec::new(), Vec::new());
        let known = Known { email: email.into(), exists: None, names, password_versions, live, ended };
        self.known.lock().unwrap().insert(email.into(), known);
    }

    /// Records the uncertainty before a request.
    fn doubt(&self, email: &str, change: impl FnOnce(&mut Known)) {
        change(self.known.lock().unwrap().get_mut(email).unwrap());
    }

    /// Records the certainty after its response.
    fn note(&self, email: &str, change: impl FnOnce(&mut Known)) {
        self.doubt(email, change);
        self.responses.send_modify(|responses| *responses += 1);
    }

    /// Waits for this number of further responses.
    async fn wait_for_responses(&self, more: usize) {
        let now = *self.responses.borrow();
        self.responses.subscribe().wait_for(|responses| *responses >= now + more).await.unwrap();
    }

    /// Panics unless the database matches all responses.
    async fn assert_stored(&self, db: &Db) {
        // Relative to 1, because the first version is the creation time.
        let sql = "SELECT email_key, name, password_version - created_at + 1 FROM users";
        let users: Vec<(String, String, i64)> = db.fetch_all(sql, &[]).await.unwrap();
        let users: BTreeMap<String, (String, i64)> =
            users.into_iter().map(|(key, name, version)| (key, (name, version))).collect();
        let sessions: Vec<(String,)> = db.fetch_all("SELECT token_hash FROM sessions", &[]).await.unwrap();
        let sessions: BTreeSet<String> = sessions.into_iter().map(|(hash,)| hash).collect();
        for known in self.known.lock().unwrap().values() {
            let email = &known.email;
            let user = users.get(&email_key(email));
            assert!(
                known.exists.is_none_or(|exists| exists == user.is_some()),
                "{email}: {:?}",
                known.exists
            );
            if let Some((name, version)) = user {
                assert!(known.names.contains(name), "{email} is called {name}, not {:?}", known.names);
                assert!(known.password_versions.contains(version), "{email} has password {version}");
            }
            assert!(
                known.live.iter().all(|session| sessions.contains(session)),
                "{email}: a session is lost"
            );
            assert!(
                !known.ended.iter().any(|session| sessions.contains(session)),
                "{email}: a session lives on"
            );
        }
    }

    /// Returns the number of users that certainly exist.
    fn users(&self) -> usize {
        self.known.lock().unwrap().values().filter(|known| known.exists == Some(true)).count()
    }
}

/// Runs the life cycles of users one after the other, until a response is missing.
async fn live(http: Client, url: String, ledger: Ledger, client: String) {
    for life in 0.. {
        let email = format!("{client}-{life}@a");
        if live_once(&http, &url, &ledger, &email, life % 2 == 0).await.is_none() {
            return;
        }
    }
}

async fn live_once(http: &Client, url: &str, ledger: &Ledger, email: &str, to_the_end: bool) -> Option<()> {
    let [mut browser, mut elsewhere] = [(); 2].map(|()| Browser::new(http.clone(), url.into()));
    ledger.begin(email);
    assert_eq!(browser.register(email).await?, StatusCode::CREATED);
    let mut here = browser.token_hash();
    ledger.note(email, |user| (user.exists, user.live) = (Some(true), vec![here.clone()]));

    for name in ["Between", "After"] {
        ledger.doubt(email, |user| user.names.push(name.into()));
        assert_eq!(browser.rename(name).await?, StatusCode::OK);
        ledger.note(email, |user| user.names = vec![name.into()]);
    }

    assert_eq!(elsewhere.login(email, PASSWORD).await?, StatusCode::OK);
    let there = elsewhere.token_hash();
    ledger.note(email, |user| user.live.push(there.clone()));
    // While CometChat hangs, the response has no chat token.
    elsewhere.call(Method::POST, routes::CHAT_TOKEN, json!({"renew": true})).await?;

    ledger.doubt(email, |user| (user.password_versions, user.live) = (vec![1, 2], Vec::new()));
    assert_eq!(browser.change_password().await?, StatusCode::NO_CONTENT);
    let old = std::mem::replace(&mut here, browser.token_hash());
    ledger.note(email, |user| {
        (user.password_versions, user.ended, user.live) = (vec![2], vec![there, old], vec![here.clone()]);
    });

    if to_the_end {
        ledger.doubt(email, |user| (user.exists, user.live) = (None, Vec::new()));
        assert_eq!(browser.delete(OTHER_PASSWORD).await?, StatusCode::NO_CONTENT);
        ledger.note(email, |user| (user.exists, user.ended) = (Some(false), vec![here]));
    } else {
        ledger.doubt(email, |user| user.live.clear());
        assert_eq!(browser.logout().await?, StatusCode::NO_CONTENT);
        ledger.note(email, |user| user.ended.push(here));
    }
    Some(())
}

/// Every third kill happens while calls to CometChat hang, between a transaction and the end of the call; the other kills
/// happen at random moments.
#[tokio::test(flavor = "multi_thread")]
async fn repeated_kills_under_load_lose_nothing() {
    let (mut env, consistency) = env::start().await;
    let ledger = Ledger::new();
    for round in 0..KILLS {
        let is_hanging = round % 3 == 0;
        if is_hanging {
            env.emulator.add_fault(json!({"api": "rest", "kind": "hang"})).await;
        }
        let mut clients = JoinSet::new();
        for client in 0..CLIENTS {
            let name = format!("{round}-{client}");
            clients.spawn(live(env.http.clone(), env.url(""), ledger.clone(), name));
        }
        // Waits for a random number of responses or hanging calls.
        let moment = random::fraction();
        let some = |most: usize| 1 + (most as f64 * moment) as usize;
        if is_hanging {
            env.emulator.wait_for_pending_calls(some(CLIENTS - 1)).await;
        } else {
            ledger.wait_for_responses(some(3 * CLIENTS)).await;
        }
        env.kill();
        while let Some(client) = clients.join_next().await {
            client.unwrap();
        }
        ledger.assert_stored(&consistency.db).await;
        consistency.assert_no_orphans().await;
        // CometChat performs the calls that hung, without a client for the responses.
        env.emulator.clear_faults().await;
        consistency.assert_no_orphans().await;
        env.start();
    }
    env.kill();
    env::expire_waits(&env, &consistency.db).await;
    env.start();
    consistency.wait_until_consistent().await;
    ledger.assert_stored(&consistency.db).await;
    assert!(ledger.users() > KILLS, "the test has created users");
}

#[tokio::test(flavor = "multi_thread")]
async fn interrupted_registration_allows_login() {
    let (mut env, _) = env::start().await;
    env.emulator.add_fault(json!({"api": "rest", "kind": "hang"})).await;
    let mut browser = env::browser(&env);
    let cut_short = tokio::spawn(async move { browser.register("ada@a").await });
    env.emulator.wait_for_pending_calls(1).await;
    env.kill();
    assert_eq!(cut_short.await.unwrap(), None);
    env.emulator.clear_faults().await;
    env.start();
    let mut browser = env::browser(&env);
    let again = browser.register("ada@a").await;
    assert_eq!(again.map(|status| status.as_u16()), Some(ErrorCode::EmailTaken.status()));
    assert_eq!(browser.login("ada@a", PASSWORD).await, Some(StatusCode::OK));
}
