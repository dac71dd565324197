//! Tests of clock changes, forwards and backwards, while the server runs.

use crate::assertion_login::{claims, hs256, login_by_assertion};
use crate::helpers::*;
use cometchat_auth::users::assertions;
use reqwest::StatusCode;
use serde_json::json;
use shared::ErrorCode;
use std::time::Duration;

const HOUR: i64 = 60 * 60;
const WEEK: i64 = 7 * 24 * HOUR;

#[tokio::test(flavor = "multi_thread")]
async fn clock_step_neither_ends_nor_revives_session() {
    let app = TestApp::start().await;
    let (live, _) = app.signed_in().await;
    let (ended, _) = app.signed_in().await;
    app.clock.step(HOUR);
    assert_eq!(ended.logout().await.status(), StatusCode::NO_CONTENT);
    for step in [0, -HOUR, -WEEK, 2 * WEEK - HOUR, -WEEK] {
        app.clock.step(step);
        assert!(live.is_signed_in().await, "after a step of {step} s");
        assert!(!ended.is_signed_in().await, "after a step of {step} s");
        let (new, _) = app.signed_in().await;
        assert!(new.is_signed_in().await, "after a step of {step} s");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clock_set_back_does_not_extend_backoff() {
    let app = TestApp::start().await;
    for _ in 0..5 {
        failure(app.browser().login(EMAIL, "wrong").await, ErrorCode::InvalidCredentials).await;
    }
    failure(app.browser().login(EMAIL, PASSWORD).await, ErrorCode::TooManyAttempts).await;
    app.clock.step(-HOUR);
    // The failures before the change still count.
    failure(app.browser().login(EMAIL, "wrong").await, ErrorCode::InvalidCredentials).await;
    let error = failure(app.browser().login(EMAIL, PASSWORD).await, ErrorCode::TooManyAttempts).await;
    assert_eq!(error.retry_after_seconds, Some(4));
    app.clock.advance(Duration::from_secs(4));
    app.signed_in().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rate_limit_refills_on_time_after_clock_step() {
    let app = TestApp::start_with(|config| config.login_attempts_per_minute = 2).await;
    for step in [0, -HOUR, 2 * HOUR] {
        app.clock.advance(Duration::from_secs(60));
        app.signed_in().await;
        app.signed_in().await;
        app.clock.step(step);
        let error = failure(app.browser().login(EMAIL, PASSWORD).await, ErrorCode::TooManyAttempts).await;
        assert_eq!(error.retry_after_seconds, Some(30), "after a step of {step} s");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn circuit_breaker_recovers_after_clock_set_back() {
    let app = TestApp::start().await;
    app.emulator.add_fault(json!({"api": "rest", "kind": "drop"})).await;
    for _ in 0..3 {
        app.signed_in().await;
    }
    app.clock.step(-HOUR);
    app.emulator.clear_faults().await;
    app.clock.advance(Duration::from_secs(10));
    let (_, response) = app.signed_in().await;
    assert!(response.cometchat_auth_token.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn job_retry_is_not_delayed_by_clock_set_back() {
    let app = TestApp::start().await;
    let (browser, _) = app.signed_in().await;
    app.emulator.add_fault(json!({"api": "rest", "kind": "drop"})).await;
    browser.logout().await;
    eventually("the revocation waits for another try", || async {
        app.count("SELECT count(*) FROM chat_jobs WHERE attempts > 0 AND claimed_until IS NULL").await == 1
    })
    .await;
    app.clock.step(-WEEK);
    app.emulator.clear_faults().await;
    // Reads jobs that are due within a week.
    app.eventually_over_time("the token is revoked", || async { app.emulator.tokens(UID).await.is_empty() })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn job_from_before_restart_ignores_clock_set_back() {
    let app = TestApp::start().await;
    let (browser, _) = app.signed_in().await;
    app.emulator.add_fault(json!({"api": "rest", "kind": "drop"})).await;
    browser.logout().await;
    // The state that a killed process leaves.
    let ahead = "UPDATE chat_jobs SET run_at = run_at + 604800, claimed_until = run_at + 604860, claim = 'x'";
    eventually("the revocation waits for another try", || async {
        app.count("SELECT count(*) FROM chat_jobs WHERE attempts > 0 AND claimed_until IS NULL").await == 1
    })
    .await;
    app.db.execute(ahead, &[]).await.unwrap();
    let app = app.restart().await;
    app.emulator.clear_faults().await;
    app.eventually_over_time("the token is revoked", || async { app.emulator.tokens(UID).await.is_empty() })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn assertion_replay_fails_after_clock_set_back() {
    let app = crate::assertion_login::start().await;
    let assertion = hs256(&claims(&app, "1"));
    assert_eq!(login_by_assertion(&app, &assertion).await.status(), StatusCode::OK);
    app.clock.step(12 * HOUR);
    assertions::delete_expired(&app.db, app.clock.now(), 200).await.unwrap();
    app.clock.step(-12 * HOUR);
    failure(login_by_assertion(&app, &assertion).await, ErrorCode::InvalidAssertion).await;
    app.clock.step(2 * 24 * HOUR);
    assertions::delete_expired(&app.db, app.clock.now(), 200).await.unwrap();
    assert_eq!(app.count("SELECT count(*) FROM used_assertions").await, 0, "kept for a day only");
}
