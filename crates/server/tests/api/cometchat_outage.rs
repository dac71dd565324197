//! Tests with a CometChat that is slow or down, sends malformed responses, or limits the rate.

use crate::helpers::*;
use cometchat_auth::params;
use reqwest::StatusCode;
use serde_json::{Value, json};
use shared::{ErrorCode, LoginResponse, routes};
use std::time::Duration;

fn faults() -> [(&'static str, Value); 6] {
    [
        ("hangs", json!({"api": "rest", "kind": "hang"})),
        ("cuts the line", json!({"api": "rest", "kind": "drop"})),
        ("answers nonsense", json!({"api": "rest", "kind": "garbage"})),
        ("answers 500", json!({"api": "rest", "kind": "status", "status": 500, "code": "ERR_EXCEPTION"})),
        (
            "answers 429",
            json!({"api": "rest", "kind": "status", "status": 429, "code": "ERR_TOO_MANY_REQUESTS", "retryAfter": 5}),
        ),
        (
            "refuses the key",
            json!({"api": "rest", "kind": "status", "status": 401, "code": "AUTH_ERR_APIKEY_NOT_FOUND"}),
        ),
    ]
}

/// Logs in, and expects success without a chat token long before a call to CometChat times out (10 s). A login waits
/// 2.5 s for the token; the limit here leaves time for a busy machine.
async fn signs_in_without_chat(app: &TestApp, why: &str) -> Browser {
    let mut browser = app.browser();
    let login = tokio::time::timeout(Duration::from_secs(7), browser.sign_in(EMAIL, PASSWORD));
    let response: LoginResponse = login.await.unwrap_or_else(|_| panic!("CometChat {why}: no answer in 7 s"));
    assert_eq!(response.cometchat_auth_token, None, "CometChat {why}");
    browser
}

#[tokio::test(flavor = "multi_thread")]
async fn login_without_cometchat_gets_chat_token_later() {
    let each = faults().map(|(why, fault)| async move {
        let app = TestApp::start().await;
        app.emulator.add_fault(fault).await;
        let browser = signs_in_without_chat(&app, why).await;
        assert!(browser.is_signed_in().await);
        let error = failure(browser.chat_token(false).await, ErrorCode::ChatUnavailable).await;
        assert!(error.retry_after_seconds.is_some());
        app.emulator.clear_faults().await;
        app.clock.advance(Duration::from_secs(60));
        let response = browser.chat_token(false).await;
        assert_eq!(response.status(), StatusCode::OK, "CometChat {why}, and works again");
    });
    futures_util::future::join_all(each).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn circuit_breaker_spares_cometchat_until_recovery() {
    let app = TestApp::start().await;
    app.emulator.add_fault(json!({"api": "rest", "kind": "drop"})).await;
    for _ in 0..3 {
        signs_in_without_chat(&app, "is down").await;
    }
    let before = app.emulator.calls("POST", "/auth_tokens").await;
    assert_eq!(before, 3);
    for _ in 0..5 {
        signs_in_without_chat(&app, "is down").await;
    }
    assert_eq!(app.emulator.calls("POST", "/auth_tokens").await, before, "the server made no call");
    app.emulator.clear_faults().await;
    app.clock.advance(Duration::from_secs(10));
    let (_, response) = app.signed_in().await;
    assert!(response.cometchat_auth_token.is_some(), "the first call after the recovery returns a token");
}

#[tokio::test(flavor = "multi_thread")]
async fn retry_after_from_cometchat_is_honored() {
    let app = TestApp::start().await;
    let busy = json!({"api": "rest", "kind": "status", "status": 429, "code": "ERR_TOO_MANY_REQUESTS", "retryAfter": 40, "times": 1});
    app.emulator.add_fault(busy).await;
    let browser = signs_in_without_chat(&app, "asks for a pause").await;
    app.clock.advance(Duration::from_secs(39));
    let error = failure(browser.chat_token(false).await, ErrorCode::ChatUnavailable).await;
    assert_eq!(error.retry_after_seconds, Some(1));
    app.clock.advance(Duration::from_secs(1));
    assert_eq!(browser.chat_token(false).await.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_out_during_outage_revokes_token_later() {
    let app = TestApp::start().await;
    let (browser, _) = app.signed_in().await;
    app.emulator.add_fault(json!({"api": "rest", "kind": "drop"})).await;
    assert_eq!(browser.logout().await.status(), StatusCode::NO_CONTENT);
    assert!(!browser.is_signed_in().await);
    eventually("the revocation was tried", || async {
        app.count("SELECT count(*) FROM chat_jobs WHERE attempts > 0 AND last_error <> ''").await == 1
    })
    .await;
    assert_eq!(app.emulator.tokens(UID).await.len(), 1);
    app.emulator.clear_faults().await;
    app.eventually_over_time("the token is revoked", || async { app.emulator.tokens(UID).await.is_empty() })
        .await;
    app.eventually_over_time("the job is done", || async {
        app.count("SELECT count(*) FROM chat_jobs").await == 0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pending_revocation_survives_restart() {
    let app = TestApp::start().await;
    let (browser, _) = app.signed_in().await;
    app.emulator.add_fault(json!({"api": "rest", "kind": "drop"})).await;
    browser.logout().await;
    let app = app.restart().await;
    app.emulator.clear_faults().await;
    app.eventually_over_time("the token is revoked", || async { app.emulator.tokens(UID).await.is_empty() })
        .await;
}

/// The response with a new token is lost, so CometChat has a token that the server does not know.
#[tokio::test(flavor = "multi_thread")]
async fn token_of_lost_mint_response_is_revoked() {
    let app = TestApp::start().await;
    let (_, response) = app.signed_in().await;
    let known = response.cometchat_auth_token.unwrap();
    let slow = json!({"api": "rest", "method": "POST", "path": "auth_tokens", "kind": "delay", "millis": 6000, "times": 1});
    app.emulator.add_fault(slow).await;
    let browser = signs_in_without_chat(&app, "answers too late").await;
    let elsewhere = app.emulator.mint(UID).await;
    eventually("CometChat makes the token all the same", || async {
        app.emulator.tokens(UID).await.len() == 3
    })
    .await;
    app.clock.advance(Duration::from_secs(20));
    let later = app.emulator.mint(UID).await;
    app.eventually_over_time("the lost one is revoked", || async {
        app.count("SELECT count(*) FROM chat_jobs WHERE kind = 'reconcile_tokens'").await == 0
    })
    .await;
    let left = app.emulator.tokens(UID).await;
    assert!(left.contains(&known.expose().to_owned()), "the token of a session is kept");
    assert_eq!(
        left.len(),
        1,
        "{elsewhere} and {later} were created in the same minute, and no session has them"
    );
    assert!(browser.is_signed_in().await);
}

/// Adds sessions of the demo user, each with the chat token of the first.
async fn begin_sessions(app: &TestApp, count: u64) {
    let many = "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < $1)
                INSERT INTO sessions (token_hash, public_id, user_id, created_at, last_seen_at, expires_at, user_agent,
                                      address, chat_token_sealed)
                SELECT 'hash' || x, '00' || x, user_id, created_at, last_seen_at, expires_at, '', '', chat_token_sealed
                FROM n, (SELECT * FROM sessions ORDER BY public_id LIMIT 1) AS s";
    let begun = app.db.execute(many, params![i64::try_from(count).unwrap()]).await.unwrap();
    assert_eq!(begun, count);
}

/// With many sessions, the check reads them in batches.
#[tokio::test(flavor = "multi_thread")]
async fn lost_token_check_spares_tokens_of_live_sessions() {
    let app = TestApp::start().await;
    let (one, two) = (app.signed_in().await.1, app.signed_in().await.1);
    let slow = json!({"api": "rest", "method": "POST", "path": "auth_tokens", "kind": "delay", "millis": 6000, "times": 1});
    app.emulator.add_fault(slow).await;
    signs_in_without_chat(&app, "answers too late").await;
    eventually("CometChat makes the token all the same", || async {
        app.emulator.tokens(UID).await.len() == 3
    })
    .await;
    // Inserted into the database, because a login enforces the session limit.
    begin_sessions(&app, 1500).await;
    app.eventually_over_time("the lost one is looked for", || async {
        app.count("SELECT count(*) FROM chat_jobs").await == 0
    })
    .await;
    let mut kept = app.emulator.tokens(UID).await;
    let mut expected = [one, two].map(|response| response.cometchat_auth_token.unwrap().expose().to_owned());
    kept.sort();
    expected.sort();
    assert_eq!(kept, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn mass_sign_out_queues_every_token_revocation() {
    let app = TestApp::start().await;
    let (_, (mut browser, _)) = (app.signed_in().await, app.signed_in().await);
    begin_sessions(&app, 2500).await;
    app.emulator.add_fault(json!({"api": "rest", "method": "DELETE", "kind": "drop"})).await;
    let ended = browser.delete(routes::SESSIONS, json!({})).await;
    assert_eq!(ended.status(), StatusCode::NO_CONTENT);
    browser.keep(&ended);
    assert_eq!(app.count("SELECT count(*) FROM sessions").await, 1);
    assert!(browser.is_signed_in().await);
    let waiting = app.count("SELECT count(*) FROM chat_jobs WHERE kind = 'revoke_token'").await;
    assert_eq!(waiting, 2502, "includes the previous token of this browser");
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_token_minted_earlier_is_not_revoked() {
    let app = TestApp::start().await;
    app.signed_in().await;
    let foreign = app.emulator.mint(UID).await;
    app.clock.advance(Duration::from_secs(3600));
    app.emulator
        .add_fault(
            json!({"api": "rest", "method": "POST", "path": "auth_tokens", "kind": "drop", "times": 1}),
        )
        .await;
    signs_in_without_chat(&app, "cuts the line").await;
    assert_eq!(app.count("SELECT count(*) FROM chat_jobs WHERE kind = 'reconcile_tokens'").await, 1);
    app.eventually_over_time("the check was done", || async {
        app.count("SELECT count(*) FROM chat_jobs WHERE kind = 'reconcile_tokens'").await == 0
    })
    .await;
    assert!(app.emulator.tokens(UID).await.contains(&foreign));
}

#[tokio::test(flavor = "multi_thread")]
async fn deactivated_user_gets_chat_disabled_until_activated() {
    let app = TestApp::start().await;
    let (browser, _) = app.signed_in().await;
    app.emulator.rest("DELETE", "/users", json!({"uidsToDeactivate": [UID]})).await.data();
    let error = failure(browser.chat_token(true).await, ErrorCode::ChatDisabled).await;
    assert_eq!(error.retry_after_seconds, None);
    let other = signs_in_without_chat(&app, "has deactivated the user").await;
    failure(other.chat_token(false).await, ErrorCode::ChatDisabled).await;
    app.emulator.rest("PUT", "/users", json!({"uidsToActivate": [UID]})).await.data();
    for browser in [browser, other] {
        assert_eq!(browser.chat_token(true).await.status(), StatusCode::OK);
    }
}
