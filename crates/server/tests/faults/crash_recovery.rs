//! `kill -9`, at any moment.

use crate::common::PASSWORD;
use crate::env::{Browser, OTHER_PASSWORD, World};
use cometchat_auth::crypto::random;
use cometchat_auth::users::email::email_key;
use reqwest::{Client, Method, StatusCode};
use serde_json::json;
use shared::{ErrorCode, routes};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Kills in the test that kills.
const KILLS: usize = 50;
/// Who use the server at once while it is killed.
const CLIENTS: usize = 8;

/// A user, as far as the server's answers tell: before a request, what it may change becomes uncertain, and its
/// answer makes it certain.
struct Known {
    email: String,
    /// `None`: nobody knows.
    exists: Option<bool>,
    /// One of these.
    names: Vec<String>,
    /// One of these: it counts the passwords.
    password_versions: Vec<i64>,
    /// Sessions that there are, and that there are no more, by what the database knows them by.
    live: Vec<String>,
    ended: Vec<String>,
}

/// What the clients were answered.
#[derive(Clone)]
struct Ledger {
    known: Arc<Mutex<BTreeMap<String, Known>>>,
    answers: watch::Sender<usize>,
}

impl Ledger {
    fn new() -> Self {
        Self { known: Arc::default(), answers: watch::Sender::new(0) }
    }

    fn begin(&self, email: &str) {
        let (names, password_versions) = (vec!["Before".into()], vec![1]);
        let (live, ended) = (Vec::new(), Vec::new());
        let known = Known { email: email.into(), exists: None, names, password_versions, live, ended };
        self.known.lock().unwrap().insert(email.into(), known);
    }

    /// Before a request.
    fn doubt(&self, email: &str, change: impl FnOnce(&mut Known)) {
        change(self.known.lock().unwrap().get_mut(email).unwrap());
    }

    /// After its answer.
    fn note(&self, email: &str, change: impl FnOnce(&mut Known)) {
        self.doubt(email, change);
        self.answers.send_modify(|answers| *answers += 1);
    }

    /// Waits for so many more answers.
    async fn grows_by(&self, more: usize) {
        let now = *self.answers.borrow();
        self.answers.subscribe().wait_for(|answers| *answers >= now + more).await.unwrap();
    }

    /// Fails unless the database has it all.
    async fn is_kept(&self, world: &World) {
        // Counted from 1: a version begins with the time.
        let sql = "SELECT email_key, name, password_version - created_at + 1 FROM users";
        let users: Vec<(String, String, i64)> = world.db.fetch_all(sql, &[]).await.unwrap();
        let users: BTreeMap<String, (String, i64)> =
            users.into_iter().map(|(key, name, version)| (key, (name, version))).collect();
        let sessions: Vec<(String,)> =
            world.db.fetch_all("SELECT token_hash FROM sessions", &[]).await.unwrap();
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

    /// How many users are known to be there.
    fn users(&self) -> usize {
        self.known.lock().unwrap().values().filter(|known| known.exists == Some(true)).count()
    }
}

/// Lives one user's life after the other, until an answer does not come.
async fn live(http: Client, url: String, ledger: Ledger, client: String) {
    for life in 0.. {
        let email = format!("{client}-{life}@a");
        if live_once(&http, &url, &ledger, &email, life % 2 == 0).await.is_none() {
            return;
        }
    }
}

async fn live_once(http: &Client, url: &str, ledger: &Ledger, email: &str, to_the_end: bool) -> Option<()> {
    let [mut browser, mut elsewhere] = [(); 2].map(|()| Browser::new(http, url));
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
    // While the chat hangs there is none, and that is told.
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

/// Every third kill while CometChat hangs, which is between a transaction and the end of its call; the others
/// wherever they hit.
#[tokio::test(flavor = "multi_thread")]
async fn repeated_kills_under_load_lose_nothing() {
    let mut world = World::new().await;
    let ledger = Ledger::new();
    for round in 0..KILLS {
        let is_hanging = round % 3 == 0;
        if is_hanging {
            world.fault(json!({"api": "rest", "kind": "hang"})).await;
        }
        let mut clients = JoinSet::new();
        for client in 0..CLIENTS {
            let name = format!("{round}-{client}");
            clients.spawn(live(world.http.clone(), world.url().to_owned(), ledger.clone(), name));
        }
        // One of them answered or hanging; the others, and most of the time all, at any point.
        let moment = random::fraction();
        let some = |most: usize| 1 + (most as f64 * moment) as usize;
        if is_hanging {
            world.hangs_on(some(CLIENTS - 1)).await;
        } else {
            ledger.grows_by(some(3 * CLIENTS)).await;
        }
        world.kill();
        while let Some(client) = clients.join_next().await {
            client.unwrap();
        }
        ledger.is_kept(&world).await;
        world.agreement.holds().await;
        // Calls that hung go through now, and nobody hears of it.
        world.mend().await;
        world.agreement.holds().await;
        world.start();
    }
    world.kill();
    world.let_time_pass().await;
    world.start();
    world.agreement.comes_about().await;
    ledger.is_kept(&world).await;
    assert!(ledger.users() > KILLS, "there was something to lose");
}

#[tokio::test(flavor = "multi_thread")]
async fn interrupted_registration_allows_login() {
    let mut world = World::new().await;
    world.fault(json!({"api": "rest", "kind": "hang"})).await;
    let mut browser = world.browser();
    let cut_short = tokio::spawn(async move { browser.register("ada@a").await });
    world.hangs_on(1).await;
    world.kill();
    assert_eq!(cut_short.await.unwrap(), None);
    world.mend().await;
    world.start();
    let mut browser = world.browser();
    let again = browser.register("ada@a").await;
    assert_eq!(again.map(|status| status.as_u16()), Some(ErrorCode::EmailTaken.status()));
    assert_eq!(browser.login("ada@a", PASSWORD).await, Some(StatusCode::OK));
}
