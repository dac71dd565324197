//! Nothing lost, on the real binary: whatever CometChat does, and wherever the server is killed, both agree
//! in the end, to the last user and token.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use cometchat_auth::chat::seal::{Sealer, SecretKey};
use cometchat_auth::db::Db;
use cometchat_auth::sessions;
use common::{PASSWORD, Server};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use shared::{ErrorCode, routes};
use std::collections::BTreeMap;
use std::time::Duration;
use tempfile::TempDir;

const OTHER_PASSWORD: &str = "carpet lantern november";
const SECRET_KEY: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
/// Kills in the test that kills.
const KILLS: u32 = 50;

/// Emulator and database, and the server while it runs.
struct World {
    http: Client,
    emulator: String,
    folder: TempDir,
    database: String,
    db: Db,
    server: Option<Server>,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = common::new_database(folder.path()).await;
        let db = Db::open(&database).await.unwrap();
        let (http, emulator) = (common::client(), common::emulator());
        let mut world = Self { http, emulator, folder, database, db, server: None };
        world.start();
        world
    }

    fn start(&mut self) {
        let settings = [
            ("DATABASE_URL", self.database.as_str()),
            ("SECRET_KEY", SECRET_KEY),
            ("COMETCHAT_EMULATOR_URL", &self.emulator),
        ];
        self.server = Some(Server::start(self.folder.path(), &settings));
    }

    /// `kill -9`
    fn kill(&mut self) {
        self.server = None;
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.server.as_ref().unwrap().url)
    }

    async fn fault(&self, fault: Value) {
        let url = format!("{}/emulator/faults", self.emulator);
        assert!(self.http.post(url).json(&fault).send().await.unwrap().status().is_success());
    }

    async fn mend(&self) {
        self.http.delete(format!("{}/emulator/faults", self.emulator)).send().await.unwrap();
    }

    /// The hour goes by for which a job or a dead worker's claim may wait. Only while no server runs: it
    /// would not know that its claims are over.
    async fn let_time_pass(&self) {
        assert!(self.server.is_none());
        self.db.write("UPDATE chat_jobs SET run_at = 0, claimed_until = 0", &[]).await.unwrap();
    }

    /// What the database says that CometChat should know: names, and the tokens of live sessions.
    async fn ours(&self) -> BTreeMap<String, (String, Vec<String>)> {
        let sealer = Sealer::new(&SecretKey::new([7; 32]), None);
        let mut ours = BTreeMap::new();
        for row in self.db.read("SELECT id, name FROM users", &[]).await.unwrap() {
            let (id, name) = (row.text(0).unwrap(), row.text(1).unwrap());
            let sealed = sessions::chat_tokens_of(&self.db, &id).await.unwrap();
            let mut tokens: Vec<_> =
                sealed.iter().map(|sealed| sealer.open(&id, sealed).unwrap().to_string()).collect();
            tokens.sort();
            ours.insert(id, (name, tokens));
        }
        ours
    }

    async fn theirs(&self) -> BTreeMap<String, (String, Vec<String>)> {
        let url = format!("{}/emulator/state", self.emulator);
        let state: Value = self.http.get(url).send().await.unwrap().json().await.unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let known = |user: &Value| {
            let mut tokens: Vec<_> = user["tokens"].as_array().unwrap().iter().map(text).collect();
            tokens.sort();
            (text(&user["uid"]), (text(&user["name"]), tokens))
        };
        state["users"].as_array().unwrap().iter().map(known).collect()
    }

    /// Waits until nothing is left to do, and then both sides must agree.
    async fn agree(&self) {
        let mut looks = tokio::time::interval(Duration::from_millis(50));
        for _ in 0..1200 {
            looks.tick().await;
            let left = self.db.read("SELECT count(*) FROM chat_jobs", &[]).await.unwrap()[0].int(0).unwrap();
            if left == 0 {
                assert_eq!(self.ours().await, self.theirs().await);
                return;
            }
        }
        let rows = self
            .db
            .read("SELECT kind || ' ' || uid || ' ' || last_error || ' ' || parked FROM chat_jobs", &[])
            .await
            .unwrap();
        let left: Vec<_> = rows.iter().map(|row| row.text(0).unwrap()).collect();
        panic!("still to be done: {left:#?}");
    }
}

/// A browser: what it knows after each answer.
#[derive(Default)]
struct Browser {
    cookie: String,
}

impl Browser {
    async fn call(&mut self, world: &World, method: Method, path: &str, body: Value) -> Option<StatusCode> {
        let request = world.http.request(method, world.url(path)).header("cookie", &self.cookie).json(&body);
        let answer = request.send().await.ok()?;
        let status = answer.status();
        for cookie in answer.headers().get_all("set-cookie") {
            let cookie = cookie.to_str().unwrap().split(';').next().unwrap();
            if cookie.starts_with("cometchat-auth=") {
                self.cookie = cookie.to_owned();
            }
        }
        answer.bytes().await.ok()?;
        Some(status)
    }

    async fn register(&mut self, world: &World, email: &str) -> Option<StatusCode> {
        let body = json!({"email": email, "password": PASSWORD, "name": "Before"});
        self.call(world, Method::POST, routes::REGISTER, body).await
    }

    async fn login(&mut self, world: &World, email: &str, password: &str) -> Option<StatusCode> {
        self.call(world, Method::POST, routes::LOGIN, json!({"email": email, "password": password})).await
    }

    async fn rename(&mut self, world: &World, name: &str) -> Option<StatusCode> {
        self.call(world, Method::PUT, routes::ACCOUNT, json!({"name": name})).await
    }

    async fn change_password(&mut self, world: &World) -> Option<StatusCode> {
        let body = json!({"currentPassword": PASSWORD, "newPassword": OTHER_PASSWORD});
        self.call(world, Method::PUT, routes::PASSWORD, body).await
    }

    async fn delete(&mut self, world: &World) -> Option<StatusCode> {
        self.call(world, Method::DELETE, routes::ACCOUNT, json!({"password": PASSWORD})).await
    }

    async fn logout(&mut self, world: &World) -> Option<StatusCode> {
        self.call(world, Method::POST, routes::LOGOUT, json!({})).await
    }
}

/// Does everything that has an effect at CometChat, while it is in this trouble, and expects all of it to
/// work for the user and both sides to agree when the trouble is over.
async fn nothing_is_lost_while(trouble: Value) {
    let mut world = World::new().await;
    let mut browsers: Vec<Browser> = (0..5).map(|_| Browser::default()).collect();
    let [renamed, changed, deleted, gone, _] = &mut browsers[..] else { unreachable!() };
    for (browser, email) in [
        (&mut *renamed, "renamed@a"),
        (&mut *changed, "changed@a"),
        (&mut *deleted, "deleted@a"),
        (&mut *gone, "gone@a"),
    ] {
        assert_eq!(browser.register(&world, email).await, Some(StatusCode::CREATED));
    }
    let mut elsewhere = Browser::default();
    assert_eq!(elsewhere.login(&world, "changed@a", PASSWORD).await, Some(StatusCode::OK));
    world.agree().await;

    world.fault(trouble).await;
    let mut new = Browser::default();
    assert_eq!(new.register(&world, "new@a").await, Some(StatusCode::CREATED));
    let mut short_lived = Browser::default();
    assert_eq!(short_lived.register(&world, "short@a").await, Some(StatusCode::CREATED));
    assert_eq!(short_lived.delete(&world).await, Some(StatusCode::NO_CONTENT));
    assert_eq!(renamed.rename(&world, "Between").await, Some(StatusCode::OK));
    assert_eq!(renamed.rename(&world, "After").await, Some(StatusCode::OK));
    assert_eq!(changed.change_password(&world).await, Some(StatusCode::NO_CONTENT));
    assert_eq!(deleted.delete(&world).await, Some(StatusCode::NO_CONTENT));
    assert_eq!(gone.logout(&world).await, Some(StatusCode::NO_CONTENT));
    let mut late = Browser::default();
    assert_eq!(late.login(&world, "gone@a", PASSWORD).await, Some(StatusCode::OK), "signing in works");
    world.mend().await;

    // Once by itself, as far as its waits allow, and then with the waits over.
    world.kill();
    world.let_time_pass().await;
    world.start();
    world.agree().await;
    let theirs = world.theirs().await;
    let names: Vec<&str> = theirs.values().map(|(name, _)| name.as_str()).collect();
    assert_eq!((names.len(), names.iter().filter(|name| **name == "After").count()), (4, 1), "{names:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_while_connections_are_cut() {
    nothing_is_lost_while(json!({"api": "rest", "kind": "drop"})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_while_cometchat_hangs() {
    nothing_is_lost_while(json!({"api": "rest", "kind": "hang"})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_while_cometchat_asks_for_fewer_calls() {
    let trouble = json!({"api": "rest", "kind": "status", "status": 429, "code": "ERR_TOO_MANY_REQUESTS", "retryAfter": 1});
    nothing_is_lost_while(trouble).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_while_cometchat_fails() {
    nothing_is_lost_while(json!({"api": "rest", "kind": "status", "status": 500, "code": "ERR_EXCEPTION"}))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_while_cometchat_answers_garbage() {
    nothing_is_lost_while(json!({"api": "rest", "kind": "garbage"})).await;
}

/// Every other kill while CometChat hangs, which is between a transaction and the end of its call; the
/// others wherever they hit.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_when_the_server_is_killed_fifty_times_at_random_points() {
    let mut world = World::new().await;
    for round in 0..KILLS {
        if round % 2 == 0 {
            world.fault(json!({"api": "rest", "kind": "hang"})).await;
        }
        let limit = Duration::from_secs_f64(0.02 + 0.2 * cometchat_auth::random::fraction());
        let work = async {
            tokio::join!(
                async {
                    let mut browser = Browser::default();
                    browser.register(&world, &format!("a{round}@a")).await;
                    browser.rename(&world, "After").await;
                    browser.change_password(&world).await;
                    browser.logout(&world).await;
                },
                async {
                    let mut browser = Browser::default();
                    browser.register(&world, &format!("b{round}@a")).await;
                    browser.delete(&world).await;
                },
                async {
                    let earlier = format!("a{}@a", round / 2);
                    let mut browser = Browser::default();
                    if browser.login(&world, &earlier, PASSWORD).await != Some(StatusCode::OK) {
                        browser.login(&world, &earlier, OTHER_PASSWORD).await;
                    }
                    browser.rename(&world, &format!("Renamed {round}")).await;
                },
            )
        };
        let _ = tokio::time::timeout(limit, work).await;
        world.kill();
        world.mend().await;
        world.start();
    }
    world.kill();
    world.let_time_pass().await;
    world.start();
    world.agree().await;
    assert!(world.ours().await.len() > 10, "there was something to lose");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_whose_registration_was_cut_short_can_sign_in_or_register_again() {
    let mut world = World::new().await;
    world.fault(json!({"api": "rest", "kind": "hang"})).await;
    let mut browser = Browser::default();
    let waiting = tokio::time::timeout(Duration::from_millis(700), browser.register(&world, "ada@a")).await;
    assert!(waiting.is_err(), "it waits for CometChat");
    world.kill();
    world.mend().await;
    world.start();
    let again = browser.call(
        &world,
        Method::POST,
        routes::REGISTER,
        json!({"email": "ada@a", "password": PASSWORD, "name": "Ada"}),
    );
    assert_eq!(again.await.map(|status| status.as_u16()), Some(ErrorCode::EmailTaken.status()));
    assert_eq!(browser.login(&world, "ada@a", PASSWORD).await, Some(StatusCode::OK));
}
