//! CometChat in trouble, of every kind there is.

use crate::common::PASSWORD;
use crate::env::World;
use reqwest::StatusCode;
use serde_json::{Value, json};

/// Does everything that has an effect at CometChat, while it is in this trouble, and expects all of it to
/// work for the user and both sides to agree when the trouble is over.
async fn nothing_is_lost_while(trouble: Value) {
    let mut world = World::new().await;
    let [mut renamed, mut changed, mut deleted, mut gone] = [(); 4].map(|()| world.browser());
    for (browser, email) in [
        (&mut renamed, "renamed@a"),
        (&mut changed, "changed@a"),
        (&mut deleted, "deleted@a"),
        (&mut gone, "gone@a"),
    ] {
        assert_eq!(browser.register(email).await, Some(StatusCode::CREATED));
    }
    let mut elsewhere = world.browser();
    assert_eq!(elsewhere.login("changed@a", PASSWORD).await, Some(StatusCode::OK));
    world.agreement.comes_about().await;

    world.fault(trouble).await;
    let mut new = world.browser();
    assert_eq!(new.register("new@a").await, Some(StatusCode::CREATED));
    let mut short_lived = world.browser();
    assert_eq!(short_lived.register("short@a").await, Some(StatusCode::CREATED));
    assert_eq!(short_lived.delete(PASSWORD).await, Some(StatusCode::NO_CONTENT));
    assert_eq!(renamed.rename("Between").await, Some(StatusCode::OK));
    assert_eq!(renamed.rename("After").await, Some(StatusCode::OK));
    assert_eq!(changed.change_password().await, Some(StatusCode::NO_CONTENT));
    assert_eq!(deleted.delete(PASSWORD).await, Some(StatusCode::NO_CONTENT));
    assert_eq!(gone.logout().await, Some(StatusCode::NO_CONTENT));
    let mut late = world.browser();
    assert_eq!(late.login("gone@a", PASSWORD).await, Some(StatusCode::OK), "signing in works");
    world.mend().await;

    // Once by itself, as far as its waits allow, and then with the waits over.
    world.kill();
    world.let_time_pass().await;
    world.start();
    world.agreement.comes_about().await;
    let theirs = world.agreement.theirs().await;
    let names: Vec<&str> = theirs.values().map(|(name, _)| name.as_str()).collect();
    assert_eq!((names.len(), names.iter().filter(|name| **name == "After").count()), (4, 1), "{names:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn outage_with_dropped_connections_loses_nothing() {
    nothing_is_lost_while(json!({"api": "rest", "kind": "drop"})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn outage_with_hanging_calls_loses_nothing() {
    nothing_is_lost_while(json!({"api": "rest", "kind": "hang"})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn outage_with_429_responses_loses_nothing() {
    let trouble = json!({"api": "rest", "kind": "status", "status": 429, "code": "ERR_TOO_MANY_REQUESTS", "retryAfter": 1});
    nothing_is_lost_while(trouble).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn outage_with_500_responses_loses_nothing() {
    nothing_is_lost_while(json!({"api": "rest", "kind": "status", "status": 500, "code": "ERR_EXCEPTION"}))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn outage_with_garbage_responses_loses_nothing() {
    nothing_is_lost_while(json!({"api": "rest", "kind": "garbage"})).await;
}
