//! Tests of the chat token of a session.

use crate::helpers::*;
use crate::register::GOOD;
use reqwest::{Response, StatusCode};
use serde_json::json;
use shared::{ChatTokenResponse, ErrorCode, routes};
use std::time::Duration;

async fn token(response: Response) -> String {
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["cache-control"], "no-store");
    response.json::<ChatTokenResponse>().await.unwrap().cometchat_auth_token.expose().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn chat_token_is_stable_within_session() {
    let app = TestApp::start().await;
    let (browser, response) = app.signed_in().await;
    let first = response.cometchat_auth_token.unwrap();
    assert_eq!(token(browser.chat_token(false).await).await, first.expose());
    assert_eq!(token(browser.post(routes::CHAT_TOKEN, json!({})).await).await, first.expose());
    assert_eq!(app.emulator.tokens(UID).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn chat_token_renewal_revokes_the_old_one() {
    let app = TestApp::start().await;
    let (browser, response) = app.signed_in().await;
    let old = response.cometchat_auth_token.unwrap();
    let new = token(browser.chat_token(true).await).await;
    assert_ne!(new, old.expose());
    assert_eq!(token(browser.chat_token(false).await).await, new);
    app.eventually_over_time("only the new one is left", || async {
        app.emulator.tokens(UID).await == [new.as_str()]
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn chat_token_unknown_to_cometchat_is_renewed() {
    let app = TestApp::start().await;
    let (browser, response) = app.signed_in().await;
    let lost = response.cometchat_auth_token.unwrap();
    app.emulator.revoke(UID, lost.expose()).await;
    let new = token(browser.chat_token(true).await).await;
    assert_eq!(app.emulator.tokens(UID).await, [new]);
    app.eventually_over_time("revoking what is gone is no failure", || async {
        app.count("SELECT count(*) FROM chat_jobs").await == 0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn chat_token_is_minted_only_for_session_user() {
    let app = TestApp::start().await;
    app.add_user("victim", "victim@example.com", "Victim", Some("victims password")).await;
    let (browser, _) = app.signed_in().await;
    for field in ["uid", "id", "user", "userId"] {
        let response = browser.post(routes::CHAT_TOKEN, json!({"renew": true, field: "victim"})).await;
        failure(response, ErrorCode::InvalidRequest).await;
    }
    let path = format!("{}?uid=victim", routes::CHAT_TOKEN);
    let own = token(browser.post(&path, json!({"renew": true})).await).await;
    assert!(own.starts_with(UID), "{own}");
    assert!(app.emulator.tokens("victim").await.is_empty());
}

/// Two tabs renew concurrently: both get a token, and none a 401.
#[tokio::test(flavor = "multi_thread")]
async fn concurrent_renewals_leave_one_live_chat_token() {
    let app = TestApp::start().await;
    let (browser, _) = app.signed_in().await;
    let responses = futures_util::future::join_all((0..6).map(|_| browser.chat_token(true))).await;
    assert!(responses.iter().all(|response| response.status() == StatusCode::OK), "both renewals succeed");
    let kept = token(browser.chat_token(false).await).await;
    app.eventually_over_time("every other one is revoked", || async {
        app.emulator.tokens(UID).await == [kept.as_str()]
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn chat_token_renewals_are_limited_per_user() {
    let app = TestApp::start_with(|config| config.actions_per_user = 20).await;
    let (browser, _) = app.signed_in().await;
    for _ in 0..20 {
        token(browser.chat_token(true).await).await;
    }
    let refused = failure(browser.chat_token(true).await, ErrorCode::TooManyAttempts).await;
    assert_eq!(refused.retry_after_seconds, Some(30));
    token(browser.chat_token(false).await).await;
    app.add_user("other", "other@example.com", "Other", Some(GOOD)).await;
    let mut other = app.browser();
    other.sign_in("other@example.com", GOOD).await;
    token(other.chat_token(true).await).await;
    app.clock.advance(Duration::from_secs(30));
    token(browser.chat_token(true).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn user_deleted_during_mint_is_not_recreated() {
    let app = TestApp::start().await;
    let mut browser = app.browser();
    browser.register("ada@example.com", GOOD, "Ada").await;
    let slow = json!({"api": "rest", "method": "POST", "path": "auth_tokens", "kind": "delay", "millis": 1000, "times": 1});
    app.emulator.add_fault(slow).await;
    let deleted = async {
        eventually("the token is asked for", || async {
            app.count("SELECT count(*) FROM chat_jobs WHERE kind = 'reconcile_tokens'").await == 1
        })
        .await;
        browser.delete(routes::ACCOUNT, json!({"password": GOOD})).await
    };
    let (asked, deleted) = tokio::join!(browser.chat_token(true), deleted);
    assert_eq!(deleted.status(), StatusCode::NO_CONTENT);
    failure(asked, ErrorCode::NotSignedIn).await;
    app.eventually_over_time("CometChat has no user", || async {
        app.count("SELECT count(*) FROM chat_jobs").await == 0 && app.emulator.names().await.is_empty()
    })
    .await;
}
