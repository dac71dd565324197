//! Tests of the limits on login attempts.

use crate::helpers::*;
use cometchat_auth::params;
use cometchat_auth::throttle::{self, AttemptKeys};
use reqwest::{Method, Response, StatusCode};
use serde_json::json;
use shared::{ErrorCode, routes};
use std::time::Duration;

async fn from(browser: &Browser, forwarded_for: &str, email: &str) -> Response {
    browser
        .request(Method::POST, routes::LOGIN)
        .header("x-forwarded-for", forwarded_for)
        .json(&json!({"email": email, "password": "wrong"}))
        .send()
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn rate_limit_by_address_spans_all_emails() {
    let app = TestApp::start_with(|config| config.login_attempts_per_minute = 3).await;
    for email in ["a@example.com", "b@example.com", "c@example.com"] {
        failure(app.browser().login(email, "wrong").await, ErrorCode::InvalidCredentials).await;
    }
    let error = failure(app.browser().login(EMAIL, PASSWORD).await, ErrorCode::TooManyAttempts).await;
    assert_eq!(error.retry_after_seconds, Some(20));
    assert_eq!(error.message, "Too many attempts. Try again in 20 seconds.");
    app.clock.advance(Duration::from_secs(20));
    app.signed_in().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn backoff_applies_to_known_and_unknown_accounts() {
    let app = TestApp::start().await;
    for email in [EMAIL, "unknown@example.com"] {
        for _ in 0..5 {
            failure(app.browser().login(email, "wrong").await, ErrorCode::InvalidCredentials).await;
        }
        let error = failure(app.browser().login(email, "wrong").await, ErrorCode::TooManyAttempts).await;
        assert_eq!(error.retry_after_seconds, Some(2), "{email}");
    }
    failure(app.browser().login(EMAIL, PASSWORD).await, ErrorCode::TooManyAttempts).await;
    app.clock.advance(Duration::from_secs(2));
    app.signed_in().await;
    for _ in 0..4 {
        failure(app.browser().login(EMAIL, "wrong").await, ErrorCode::InvalidCredentials).await;
    }
    app.signed_in().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn backoff_survives_restart() {
    let app = TestApp::start().await;
    for _ in 0..5 {
        app.browser().login(EMAIL, "wrong").await;
    }
    let app = app.restart().await;
    failure(app.browser().login(EMAIL, PASSWORD).await, ErrorCode::TooManyAttempts).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_forwarded_header_cannot_bypass_limit() {
    let app = TestApp::start_with(|config| config.login_attempts_per_minute = 2).await;
    for forged in ["192.0.2.1", "192.0.2.2"] {
        failure(from(&app.browser(), forged, EMAIL).await, ErrorCode::InvalidCredentials).await;
    }
    failure(from(&app.browser(), "192.0.2.3", EMAIL).await, ErrorCode::TooManyAttempts).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rate_limit_is_per_client_behind_trusted_proxy() {
    let app = TestApp::start_with(|config| {
        config.login_attempts_per_minute = 1;
        config.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    })
    .await;
    for client in ["192.0.2.1", "192.0.2.2", "10.9.9.9, 192.0.2.3"] {
        failure(from(&app.browser(), client, EMAIL).await, ErrorCode::InvalidCredentials).await;
    }
    let forged = "10.9.9.8, 192.0.2.3";
    failure(from(&app.browser(), forged, EMAIL).await, ErrorCode::TooManyAttempts).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rate_limit_ignores_port_of_forwarded_address() {
    let app = TestApp::start_with(|config| {
        config.login_attempts_per_minute = 1;
        config.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    })
    .await;
    for client in ["203.0.113.9:4711", "203.0.113.10:4711", "[2001:db8::1]:4711", "[2001:db8:0:1::1]:4711"] {
        failure(from(&app.browser(), client, EMAIL).await, ErrorCode::InvalidCredentials).await;
    }
    for again in ["203.0.113.9:4712", "203.0.113.9", "2001:db8::1", "\"[2001:db8::1]:4712\""] {
        failure(from(&app.browser(), again, EMAIL).await, ErrorCode::TooManyAttempts).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_login_stores_only_hashed_email() {
    let app = TestApp::start().await;
    app.browser().login("my-secret-password@example.com", "wrong").await;
    let sql = "SELECT key_hash || account_hash FROM login_failures";
    let rows: Vec<(String,)> = app.db.fetch_all(sql, &[]).await.unwrap();
    assert_eq!(rows.len(), 2, "one for the account, one for it and the address");
    assert!(rows.iter().all(|row| !row.0.contains("secret")));
}

#[tokio::test(flavor = "multi_thread")]
async fn device_cookie_bypasses_failures_of_others() {
    let app = TestApp::start().await;
    let (mut known, _) = app.signed_in().await;
    for _ in 0..5 {
        failure(app.browser().login(EMAIL, "wrong").await, ErrorCode::InvalidCredentials).await;
    }
    failure(app.browser().login(EMAIL, PASSWORD).await, ErrorCode::TooManyAttempts).await;
    known.sign_in(EMAIL, PASSWORD).await;

    // The device has its own count, and its cookie is not valid for another account.
    for _ in 0..5 {
        failure(known.login(EMAIL, "wrong").await, ErrorCode::InvalidCredentials).await;
    }
    failure(known.login(EMAIL, PASSWORD).await, ErrorCode::TooManyAttempts).await;
    for _ in 0..5 {
        failure(app.browser().login("other@example.com", "wrong").await, ErrorCode::InvalidCredentials).await;
    }
    failure(known.login("other@example.com", "wrong").await, ErrorCode::TooManyAttempts).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn device_cookie_is_void_after_password_change() {
    const NEW: &str = "a harbour full of tin boats";
    let app = TestApp::start().await;
    let ((mut owner, _), (mut thief, _)) = (app.signed_in().await, app.signed_in().await);
    let change = json!({"currentPassword": PASSWORD, "newPassword": NEW});
    let done = owner.put(routes::PASSWORD, change).await;
    assert_eq!(done.status(), StatusCode::NO_CONTENT);
    owner.keep(&done);
    for _ in 0..5 {
        failure(app.browser().login(EMAIL, "wrong").await, ErrorCode::InvalidCredentials).await;
    }
    failure(thief.login(EMAIL, NEW).await, ErrorCode::TooManyAttempts).await;
    owner.sign_in(EMAIL, NEW).await;
    // Trusted again by the cookie from the login with the new password.
    app.clock.advance(Duration::from_secs(2));
    thief.sign_in(EMAIL, NEW).await;
    for _ in 0..5 {
        failure(app.browser().login(EMAIL, "wrong").await, ErrorCode::InvalidCredentials).await;
    }
    thief.sign_in(EMAIL, NEW).await;
}

/// Records a hundred failures from different networks.
async fn shut(app: &TestApp, email: &str) {
    for _ in 0..100 {
        failure(app.browser().login(email, "wrong").await, ErrorCode::InvalidCredentials).await;
        // Deletes the count of the network, so that no backoff applies.
        app.db
            .execute("UPDATE login_failures SET failures = 1 WHERE key_hash <> account_hash", &[])
            .await
            .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lockout_after_100_failures_spares_device_cookie() {
    let app = TestApp::start().await;
    let (mut owner, _) = app.signed_in().await;
    shut(&app, EMAIL).await;
    failure(app.browser().login(EMAIL, PASSWORD).await, ErrorCode::InvalidCredentials).await;
    app.clock.advance(DAY * 365);
    failure(app.browser().login(EMAIL, PASSWORD).await, ErrorCode::InvalidCredentials).await;

    owner.sign_in(EMAIL, PASSWORD).await;
    app.signed_in().await;

    shut(&app, EMAIL).await;
    let mut tx = app.db.begin().await.unwrap();
    assert!(throttle::unlock(&mut tx, EMAIL, 0).await.unwrap(), "it was shut");
    tx.commit().await.unwrap();
    app.signed_in().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_login_costs_one_hash_for_all_accounts() {
    let app = TestApp::start().await;
    app.add_user("none", "none@example.com", "No Password", None).await;
    app.add_user("locked", "locked@example.com", "Locked", Some(PASSWORD)).await;
    shut(&app, "locked@example.com").await;
    let mut responses = Vec::new();
    for (email, password) in [
        (EMAIL, "wrong"),
        ("unknown@example.com", "wrong"),
        ("none@example.com", "wrong"),
        ("locked@example.com", "wrong"),
        ("locked@example.com", PASSWORD),
    ] {
        let before = app.hashes();
        let response = app.browser().login(email, password).await;
        assert_eq!(app.hashes() - before, 1, "{email}");
        let mut headers: Vec<_> = response
            .headers()
            .iter()
            .filter(|(name, _)| !["x-request-id", "date"].contains(&name.as_str()))
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        headers.sort();
        let id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
        let status = response.status();
        responses.push((status, headers, response.text().await.unwrap().replace(&id, "")));
    }
    assert!(responses.iter().all(|response| *response == responses[0]), "{responses:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn registration_is_rate_limited_by_address() {
    let app = TestApp::start_with(|config| config.login_attempts_per_minute = 2).await;
    for _ in 0..2 {
        app.browser().register("a@example.com", "passwordpassword", "A").await;
    }
    let response = app.browser().register("a@example.com", "plum tractor yesterday", "A").await;
    failure(response, ErrorCode::TooManyAttempts).await;
    assert_eq!(app.count("SELECT count(*) FROM users WHERE email = 'a@example.com'").await, 0);
}

/// A login with the right password may be in progress when the hundredth failure locks the account.
#[tokio::test(flavor = "multi_thread")]
async fn lockout_during_login_rejects_unknown_browser() {
    let app = TestApp::start().await;
    let (mut owner, _) = app.signed_in().await;
    for (browser, opens) in [(&mut app.browser(), false), (&mut owner, true)] {
        // The server has verified the password and waits for CometChat.
        let mints = async || app.emulator.calls("POST", "/auth_tokens").await;
        let before = mints().await;
        app.emulator.add_fault(json!({"api": "rest", "kind": "delay", "millis": 1000})).await;
        let shuts = async {
            eventually("the chat token is asked for", || async { mints().await > before }).await;
            let account = cometchat_auth::crypto::sha256_hex(EMAIL.as_bytes());
            let sql = "INSERT INTO login_failures (key_hash, account_hash, failures, last_at) VALUES ($1, $1, 100, $2)
                       ON CONFLICT (key_hash) DO UPDATE SET failures = 100";
            app.db.execute(sql, params![account, app.clock.now()]).await.unwrap();
        };
        let (response, ()) = tokio::join!(browser.login(EMAIL, PASSWORD), shuts);
        assert_eq!(response.status() == StatusCode::OK, opens);
        if !opens {
            failure(response, ErrorCode::InvalidCredentials).await;
        }
        app.emulator.clear_faults().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lockout_is_cleared_only_by_trusted_browser() {
    let app = TestApp::start().await;
    let account = cometchat_auth::crypto::sha256_hex(EMAIL.as_bytes());
    let sql =
        "INSERT INTO login_failures (key_hash, account_hash, failures, last_at) VALUES ($1, $1, 100, $2)";
    app.db.execute(sql, params![&account, app.clock.now()]).await.unwrap();
    let subject = AttemptKeys::new(EMAIL, [192, 0, 2, 1].into(), None);
    throttle::record_success(&app.db, &subject, false).await.unwrap();
    assert!(throttle::is_locked(&app.db, EMAIL, app.clock.now()).await.unwrap());
    throttle::record_success(&app.db, &subject, true).await.unwrap();
    assert!(!throttle::is_locked(&app.db, EMAIL, app.clock.now()).await.unwrap());
}
