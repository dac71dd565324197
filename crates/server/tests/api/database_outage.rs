//! Tests of a lost database connection, during transactions and between them. Only on PostgreSQL, which has a network
//! connection.

use crate::fault_proxy::FaultProxy;
use crate::helpers::*;
use reqwest::StatusCode;
use serde_json::json;
use shared::{ErrorCode, routes};
use test_support::uses_postgres;

/// Starts a server with a proxy before its database; `None` if the tests run on SQLite.
async fn start() -> Option<(TestApp, FaultProxy)> {
    if !uses_postgres() {
        return None;
    }
    let mut proxy = None;
    let app = TestApp::start_with(|config| proxy = Some(FaultProxy::before_database(config))).await;
    Some((app, proxy.unwrap()))
}

async fn is_ready(app: &TestApp) -> bool {
    app.browser().get(routes::READYZ).await.status() == StatusCode::OK
}

#[tokio::test(flavor = "multi_thread")]
async fn database_outage_returns_503_and_recovers() {
    let Some((app, proxy)) = start().await else { return };
    let (browser, _) = app.signed_in().await;
    proxy.cut();
    let error = failure(browser.session().await, ErrorCode::Unavailable).await;
    assert!(error.retry_after_seconds.is_some());
    failure(app.browser().login(EMAIL, PASSWORD).await, ErrorCode::Unavailable).await;
    failure(browser.get(routes::READYZ).await, ErrorCode::Unavailable).await;
    assert_eq!(browser.get(routes::HEALTHZ).await.status(), StatusCode::OK, "alive all the same");
    proxy.restore();
    eventually("ready again", || is_ready(&app)).await;
    assert!(browser.is_signed_in().await, "the session has outlived it");
    app.signed_in().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_database_returns_503_and_recovers() {
    let Some((app, proxy)) = start().await else { return };
    let (browser, _) = app.signed_in().await;
    // More requests than the pool has connections: all of them hang, and all must be released.
    let all_at_once = || futures_util::future::join_all((0..30).map(|_| browser.session()));
    eventually("every connection is open", || async {
        all_at_once().await;
        app.open_connections() == 8
    })
    .await;
    proxy.silence();
    for response in all_at_once().await {
        failure(response, ErrorCode::Unavailable).await;
    }
    proxy.restore();
    eventually("ready again", || is_ready(&app)).await;
    assert!(browser.is_signed_in().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn login_interrupted_by_database_loss_leaks_no_token() {
    let Some((app, proxy)) = start().await else { return };
    app.signed_in().await;
    let kept = app.emulator.tokens(UID).await;
    // CometChat creates the token, and the server gets the response when it can no longer store it.
    app.emulator.add_fault(json!({"api": "rest", "kind": "delay", "millis": 700})).await;
    let minted = app.emulator.calls("POST", "/auth_tokens").await;
    let mut browser = app.browser();
    let login = tokio::spawn(async move { browser.login(EMAIL, PASSWORD).await });
    eventually("asked for a token", || async { app.emulator.calls("POST", "/auth_tokens").await > minted })
        .await;
    proxy.cut();
    failure(login.await.unwrap(), ErrorCode::Unavailable).await;
    app.emulator.clear_faults().await;
    proxy.restore();
    eventually("ready again", || is_ready(&app)).await;
    app.eventually_over_time("only the first session's token is left", || async {
        app.emulator.tokens(UID).await == kept
    })
    .await;
    assert_eq!(app.count("SELECT count(*) FROM sessions").await, 1);
}
