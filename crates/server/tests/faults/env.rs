//! An environment of emulator, database and server, and an HTTP client with cookies.

use crate::common::{
    self, PASSWORD, Server, canary,
    consistency::{ConsistencyChecker, SECRET_KEY},
};
use cometchat_auth::crypto::sha256_hex;
use cometchat_auth::db::Db;
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use shared::routes;
use tempfile::TempDir;

pub const OTHER_PASSWORD: &str = "carpet lantern november";

/// Emulator and database, and the server while it runs.
pub struct TestEnv {
    pub http: Client,
    emulator: String,
    folder: TempDir,
    database: String,
    pub db: Db,
    pub consistency: ConsistencyChecker,
    server: Option<Server>,
}

impl TestEnv {
    pub async fn new() -> Self {
        let folder = common::canary::folder();
        let database = common::new_database(folder.path()).await;
        let db = Db::open(&database).await.unwrap();
        let (http, emulator) = (common::client(), common::emulator());
        let consistency = ConsistencyChecker::new(&emulator, db.clone());
        let mut env = Self { http, emulator, folder, database, db, consistency, server: None };
        env.start();
        env
    }

    pub fn start(&mut self) {
        let settings = [
            ("DATABASE_URL", self.database.as_str()),
            ("SECRET_KEY", SECRET_KEY),
            ("COMETCHAT_EMULATOR_URL", &self.emulator),
        ];
        self.server = Some(Server::start(self.folder.path(), &settings));
    }

    /// `kill -9`
    pub fn kill(&mut self) {
        self.server = None;
    }

    pub fn url(&self) -> &str {
        &self.server.as_ref().unwrap().url
    }

    pub fn browser(&self) -> Browser {
        Browser::new(&self.http, self.url())
    }

    pub async fn add_fault(&self, fault: Value) {
        let url = format!("{}/emulator/faults", self.emulator);
        assert!(self.http.post(url).json(&fault).send().await.unwrap().status().is_success());
    }

    /// Waits until this number of calls to CometChat have no response yet.
    pub async fn wait_for_pending_calls(&self, calls: usize) {
        let url = format!("{}/emulator/state", self.emulator);
        loop {
            let state: Value = self.http.get(&url).send().await.unwrap().json().await.unwrap();
            let unanswered = |call: &&Value| call["status"].is_null();
            if state["calls"].as_array().unwrap().iter().filter(unanswered).count() >= calls {
                return;
            }
        }
    }

    pub async fn clear_faults(&self) {
        self.http.delete(format!("{}/emulator/faults", self.emulator)).send().await.unwrap();
    }

    /// Makes all jobs due and ends the claims of dead workers, instead of waiting up to an hour. Only while no server
    /// runs, because a server relies on its claims.
    pub async fn expire_waits(&self) {
        assert!(self.server.is_none());
        // A check for lost tokens with this many attempts is not repeated.
        let passed = "UPDATE chat_jobs SET run_at = 0, claimed_until = 0, unsettled_until = 0,
                                           attempts = CASE WHEN kind = 'reconcile_tokens' THEN 100 ELSE attempts END";
        self.db.execute(passed, &[]).await.unwrap();
    }
}

/// An HTTP client with the session cookie of a browser.
pub struct Browser {
    http: Client,
    /// The URL of the server.
    url: String,
    cookie: String,
}

impl Browser {
    pub fn new(http: &Client, url: &str) -> Self {
        Self { http: http.clone(), url: url.into(), cookie: String::new() }
    }

    /// Returns the hash by which the database identifies its session.
    pub fn token_hash(&self) -> String {
        sha256_hex(self.cookie.split_once('=').unwrap_or_default().1.as_bytes())
    }

    /// Returns the status of the response, or `None` if the response is missing or incomplete.
    pub async fn call(&mut self, method: Method, path: &str, body: Value) -> Option<StatusCode> {
        canary::secrets_of(&body);
        let request = self.http.request(method, format!("{}{path}", self.url));
        let response = request.header("cookie", &self.cookie).json(&body).send().await.ok()?;
        let status = response.status();
        for cookie in response.headers().get_all("set-cookie") {
            let cookie = cookie.to_str().unwrap().split(';').next().unwrap();
            canary::secret(cookie.split_once('=').unwrap().1);
            if cookie.starts_with("cometchat-auth=") {
                self.cookie = cookie.to_owned();
            }
        }
        response.bytes().await.ok()?;
        Some(status)
    }

    pub async fn register(&mut self, email: &str) -> Option<StatusCode> {
        let body = json!({"email": email, "password": PASSWORD, "name": "Before"});
        self.call(Method::POST, routes::REGISTER, body).await
    }

    pub async fn login(&mut self, email: &str, password: &str) -> Option<StatusCode> {
        self.call(Method::POST, routes::LOGIN, json!({"email": email, "password": password})).await
    }

    pub async fn rename(&mut self, name: &str) -> Option<StatusCode> {
        self.call(Method::PUT, routes::ACCOUNT, json!({"name": name})).await
    }

    pub async fn change_password(&mut self) -> Option<StatusCode> {
        let body = json!({"currentPassword": PASSWORD, "newPassword": OTHER_PASSWORD});
        self.call(Method::PUT, routes::PASSWORD, body).await
    }

    /// Deletes the account with its password.
    pub async fn delete(&mut self, password: &str) -> Option<StatusCode> {
        self.call(Method::DELETE, routes::ACCOUNT, json!({"password": password})).await
    }

    pub async fn logout(&mut self) -> Option<StatusCode> {
        self.call(Method::POST, routes::LOGOUT, json!({})).await
    }

    pub async fn session(&mut self) -> Option<StatusCode> {
        self.call(Method::GET, routes::SESSION, json!({})).await
    }
}
