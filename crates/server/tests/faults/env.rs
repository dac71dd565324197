//! An environment whose database and emulator are compared, and a browser whose requests may fail.

use cometchat_auth::crypto::sha256_hex;
use cometchat_auth::db::Db;
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use shared::routes;
use test_support::{ConsistencyChecker, PASSWORD, TestEnv};

pub const OTHER_PASSWORD: &str = "carpet lantern november";

/// Starts a server.
pub async fn start() -> (TestEnv, ConsistencyChecker) {
    let mut env = TestEnv::new().await;
    let consistency = ConsistencyChecker::new(env.emulator.clone(), env.db().await);
    env.start();
    (env, consistency)
}

pub fn browser(env: &TestEnv) -> Browser {
    Browser::new(env.http.clone(), env.url(""))
}

/// Makes all jobs due and ends the claims of dead workers, instead of waiting up to an hour. Only while no server runs,
/// because a server relies on its claims.
pub async fn expire_waits(env: &TestEnv, db: &Db) {
    assert!(env.server.is_none());
    // A check for lost tokens with this many attempts is not repeated.
    let passed = "UPDATE chat_jobs SET run_at = 0, claimed_until = 0, unsettled_until = 0,
                                       attempts = CASE WHEN kind = 'reconcile_tokens' THEN 100 ELSE attempts END";
    db.execute(passed, &[]).await.unwrap();
}

/// A browser whose methods return the status of the response, or `None` if the response is missing or incomplete.
pub struct Browser(test_support::Browser);

impl Browser {
    pub fn new(http: Client, url: String) -> Self {
        Self(test_support::Browser::new(http, url))
    }

    /// Returns the hash by which the database identifies its session.
    pub fn token_hash(&self) -> String {
        let cookie = self.0.cookie.as_deref().unwrap_or_default();
        sha256_hex(cookie.split_once('=').unwrap_or_default().1.as_bytes())
    }

    pub async fn call(&mut self, method: Method, path: &str, body: Value) -> Option<StatusCode> {
        self.0.call(method, path, body).await.map(|(status, _)| status)
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
