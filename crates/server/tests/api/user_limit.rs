//! Tests of the limits on calls to CometChat per user, and of the priority of logins over jobs.

use crate::assertion_login::{claims, hs256, login_by_assertion};
use crate::helpers::*;
use crate::register::GOOD;
use cometchat_auth::cometchat::budget::Share;
use cometchat_auth::cometchat::job_queue;
use cometchat_auth::config::Config;
use cometchat_auth::crypto::seal::SecretKey;
use reqwest::StatusCode;
use serde_json::json;
use shared::{ErrorCode, routes};
use std::time::Duration;

/// Allows three actions of each kind in ten minutes.
fn three(config: &mut Config) {
    config.actions_per_user = 3;
}

/// Seconds until one of three actions is allowed again.
const REFILL: u64 = 200;

#[tokio::test(flavor = "multi_thread")]
async fn rename_limit_refuses_without_calling_cometchat() {
    let app = TestApp::start_with(three).await;
    let (browser, _) = app.signed_in().await;
    let rename = |name: &'static str| browser.put(routes::ACCOUNT, json!({"name": name}));
    for name in ["One", "Two", "Three"] {
        assert_eq!(rename(name).await.status(), StatusCode::OK);
    }
    let refused = failure(rename("Four").await, ErrorCode::TooManyAttempts).await;
    assert_eq!(refused.retry_after_seconds, Some(REFILL));
    assert_eq!(refused.message, "Too many attempts. Try again in 4 minutes.");
    assert_eq!(rename("Three").await.status(), StatusCode::OK, "that is the name already");
    app.eventually_over_time("the last name is at CometChat", || async {
        app.count("SELECT count(*) FROM chat_jobs").await == 0 && app.emulator.names().await[UID] == "Three"
    })
    .await;
    assert!(app.emulator.calls("PUT", UID).await <= 3);

    app.add_user("other", "other@example.com", "Other", Some(GOOD)).await;
    let mut other = app.browser();
    other.sign_in("other@example.com", GOOD).await;
    assert_eq!(other.put(routes::ACCOUNT, json!({"name": "Also"})).await.status(), StatusCode::OK);
    app.clock.advance(Duration::from_secs(REFILL));
    assert_eq!(rename("Four").await.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn user_login_limit_is_not_consumed_by_sign_out() {
    let app = TestApp::start_with(three).await;
    let mut browsers = Vec::new();
    for _ in 0..3 {
        browsers.push(app.signed_in().await.0);
    }
    failure(app.browser().login(EMAIL, PASSWORD).await, ErrorCode::TooManyAttempts).await;
    app.clock.advance(Duration::from_secs(REFILL));
    browsers.push(app.signed_in().await.0);
    let refused = failure(app.browser().login(EMAIL, PASSWORD).await, ErrorCode::TooManyAttempts).await;
    assert_eq!(refused.retry_after_seconds, Some(REFILL));
    assert_eq!(app.emulator.calls("POST", "auth_tokens").await, 4);
    // Four sign-outs, one more than the limit, are accepted although no login is.
    for browser in browsers {
        assert_eq!(browser.logout().await.status(), StatusCode::NO_CONTENT);
    }
    failure(app.browser().login(EMAIL, PASSWORD).await, ErrorCode::TooManyAttempts).await;
    assert_eq!(app.count("SELECT count(*) FROM sessions").await, 0);
    failure(app.browser().login(EMAIL, "wrong").await, ErrorCode::InvalidCredentials).await;
    app.clock.advance(Duration::from_secs(REFILL));
    app.signed_in().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn assertion_over_limit_is_refused_and_not_consumed() {
    let app = TestApp::start_with(|config| {
        three(config);
        config.assertion_keys = vec![SecretKey::new([9; 32])];
    })
    .await;
    for id in ["1", "2", "3"] {
        assert_eq!(login_by_assertion(&app, &hs256(&claims(&app, id))).await.status(), StatusCode::OK);
    }
    let mut last = claims(&app, "4");
    last["name"] = "Another".into();
    failure(login_by_assertion(&app, &hs256(&last)).await, ErrorCode::TooManyAttempts).await;
    assert_eq!(app.count("SELECT count(*) FROM users WHERE name = 'Another'").await, 0);
    assert_eq!(app.count("SELECT count(*) FROM used_assertions").await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn password_change_limit_ignores_wrong_password() {
    let app = TestApp::start_with(|config| config.actions_per_user = 2).await;
    let (mut browser, _) = app.signed_in().await;
    let change = |old: &str, new: &str| json!({"currentPassword": old, "newPassword": new});
    for _ in 0..3 {
        // An attacker who has only the cookie does not use up the owner's limit.
        failure(browser.put(routes::PASSWORD, change("wrong", GOOD)).await, ErrorCode::InvalidCredentials)
            .await;
    }
    let other = "carpet lantern november";
    for (old, new) in [(PASSWORD, GOOD), (GOOD, other)] {
        let changed = browser.put(routes::PASSWORD, change(old, new)).await;
        assert_eq!(changed.status(), StatusCode::NO_CONTENT);
        // A new password replaces the session.
        browser.keep(&changed);
    }
    let again = browser.put(routes::PASSWORD, change(other, GOOD)).await;
    let refused = failure(again, ErrorCode::TooManyAttempts).await;
    assert_eq!(refused.retry_after_seconds, Some(300));
}

#[tokio::test(flavor = "multi_thread")]
async fn job_budget_leaves_calls_for_logins() {
    let app = TestApp::start_with(|config| config.cometchat.calls_per_minute = 60).await;
    let (mut tx, now) = (app.db.begin().await.unwrap(), app.clock.now());
    let sealed = |number: i32| app.chat().sealer.seal("unknown", &format!("token{number}")).unwrap();
    let tokens = (0..90).map(|number| ("unknown".to_owned(), sealed(number)));
    job_queue::enqueue_revocations(&mut tx, tokens, now).await.unwrap();
    tx.commit().await.unwrap();
    let waiting = || app.count("SELECT count(*) FROM chat_jobs WHERE kind = 'revoke_token'");
    app.chat().wake();
    eventually("the workers hold back", || async {
        let claimed = app.count("SELECT count(*) FROM chat_jobs WHERE claim IS NOT NULL").await;
        app.chat().client.budget.share() == Share::Nothing && claimed == 0
    })
    .await;
    let left = waiting().await;
    assert!((90 - 45 - 4..=90 - 45 + 4).contains(&left), "three quarters of the calls are used: {left}");

    app.signed_in().await;
    assert_eq!(app.emulator.tokens(UID).await.len(), 1, "a sign-in is not held back");
    assert_eq!(waiting().await, left);
    app.clock.advance(Duration::from_secs(60));
    app.chat().wake();
    eventually("they go on in the next minute", || async { waiting().await < left }).await;
}
