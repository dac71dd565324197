//! Too many attempts.

use crate::support::*;
use reqwest::{Method, Response};
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
async fn an_address_that_tries_too_often_is_refused_whatever_it_tries() {
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
async fn failures_in_a_row_make_an_account_wait_known_or_not() {
    let app = TestApp::start().await;
    for email in [EMAIL, "nobody@example.com"] {
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
async fn waits_hold_across_a_restart() {
    let app = TestApp::start().await;
    for _ in 0..5 {
        app.browser().login(EMAIL, "wrong").await;
    }
    let app = app.restart().await;
    failure(app.browser().login(EMAIL, PASSWORD).await, ErrorCode::TooManyAttempts).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_forges_the_forwarded_address_does_not_get_around_the_limit() {
    let app = TestApp::start_with(|config| config.login_attempts_per_minute = 2).await;
    for forged in ["192.0.2.1", "192.0.2.2"] {
        failure(from(&app.browser(), forged, EMAIL).await, ErrorCode::InvalidCredentials).await;
    }
    failure(from(&app.browser(), "192.0.2.3", EMAIL).await, ErrorCode::TooManyAttempts).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_trusted_proxy_each_client_has_a_limit_of_its_own() {
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
async fn what_people_type_into_the_email_field_by_mistake_is_not_kept() {
    let app = TestApp::start().await;
    app.browser().login("my-secret-password@example.com", "wrong").await;
    assert_eq!(app.count("SELECT count(*) FROM login_failures").await, 1);
    let rows = app.db.read("SELECT key_hash FROM login_failures", &[]).await.unwrap();
    assert!(!rows[0].text(0).unwrap().contains("secret"));
}
