//! Tests of CometChat outages of every kind.

use crate::env;
use reqwest::StatusCode;
use serde_json::{Value, json};
use test_support::PASSWORD;

/// Makes every kind of change during the fault. Asserts that each change succeeds for the user, and that both sides are
/// in sync after the fault.
async fn assert_fault_loses_nothing(fault: Value) {
    let (mut env, consistency) = env::start().await;
    let [mut renamed, mut changed, mut deleted, mut gone] = [(); 4].map(|()| env::browser(&env));
    for (browser, email) in [
        (&mut renamed, "renamed@a"),
        (&mut changed, "changed@a"),
        (&mut deleted, "deleted@a"),
        (&mut gone, "gone@a"),
    ] {
        assert_eq!(browser.register(email).await, Some(StatusCode::CREATED));
    }
    let mut elsewhere = env::browser(&env);
    assert_eq!(elsewhere.login("changed@a", PASSWORD).await, Some(StatusCode::OK));
    consistency.wait_until_consistent().await;

    env.emulator.add_fault(fault).await;
    let mut new = env::browser(&env);
    assert_eq!(new.register("new@a").await, Some(StatusCode::CREATED));
    let mut short_lived = env::browser(&env);
    assert_eq!(short_lived.register("short@a").await, Some(StatusCode::CREATED));
    assert_eq!(short_lived.delete(PASSWORD).await, Some(StatusCode::NO_CONTENT));
    assert_eq!(renamed.rename("Between").await, Some(StatusCode::OK));
    assert_eq!(renamed.rename("After").await, Some(StatusCode::OK));
    assert_eq!(changed.change_password().await, Some(StatusCode::NO_CONTENT));
    assert_eq!(deleted.delete(PASSWORD).await, Some(StatusCode::NO_CONTENT));
    assert_eq!(gone.logout().await, Some(StatusCode::NO_CONTENT));
    let mut late = env::browser(&env);
    assert_eq!(late.login("gone@a", PASSWORD).await, Some(StatusCode::OK), "login works");
    env.emulator.clear_faults().await;

    // Restarts the server with all jobs due.
    env.kill();
    env::expire_waits(&env, &consistency.db).await;
    env.start();
    consistency.wait_until_consistent().await;
    let theirs = consistency.cometchat_users().await;
    let names: Vec<&str> = theirs.values().map(|(name, _)| name.as_str()).collect();
    assert_eq!((names.len(), names.iter().filter(|name| **name == "After").count()), (4, 1), "{names:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn outage_with_dropped_connections_loses_nothing() {
    assert_fault_loses_nothing(json!({"api": "rest", "kind": "drop"})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn outage_with_hanging_calls_loses_nothing() {
    assert_fault_loses_nothing(json!({"api": "rest", "kind": "hang"})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn outage_with_429_responses_loses_nothing() {
    let fault = json!({"api": "rest", "kind": "status", "status": 429, "code": "ERR_TOO_MANY_REQUESTS", "retryAfter": 1});
    assert_fault_loses_nothing(fault).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn outage_with_500_responses_loses_nothing() {
    assert_fault_loses_nothing(
        json!({"api": "rest", "kind": "status", "status": 500, "code": "ERR_EXCEPTION"}),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn outage_with_garbage_responses_loses_nothing() {
    assert_fault_loses_nothing(json!({"api": "rest", "kind": "garbage"})).await;
}
