//! A database that goes away, in the middle of things and between them. Only where there is a line to cut:
//! on PostgreSQL.

use crate::common::is_on_postgres;
use crate::fault_proxy::Line;
use crate::helpers::*;
use reqwest::StatusCode;
use serde_json::json;
use shared::{ErrorCode, routes};

/// A server whose database is at the other end of a line; `None` where the tests run on SQLite.
async fn start() -> Option<(TestApp, Line)> {
    if !is_on_postgres() {
        return None;
    }
    let mut line = None;
    let app = TestApp::start_with(|config| line = Some(Line::before_database(config))).await;
    Some((app, line.unwrap()))
}

async fn is_ready(app: &TestApp) -> bool {
    app.browser().get(routes::READYZ).await.status() == StatusCode::OK
}

#[tokio::test(flavor = "multi_thread")]
async fn database_outage_returns_503_and_recovers() {
    let Some((app, line)) = start().await else { return };
    let (browser, _) = app.signed_in().await;
    line.cut();
    let error = failure(browser.session().await, ErrorCode::Unavailable).await;
    assert!(error.retry_after_seconds.is_some());
    failure(app.browser().login(EMAIL, PASSWORD).await, ErrorCode::Unavailable).await;
    failure(browser.get(routes::READYZ).await, ErrorCode::Unavailable).await;
    assert_eq!(browser.get(routes::HEALTHZ).await.status(), StatusCode::OK, "alive all the same");
    line.mend();
    eventually("ready again", || is_ready(&app)).await;
    assert!(browser.is_signed_in().await, "the session has outlived it");
    app.signed_in().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_database_returns_503_and_recovers() {
    let Some((app, line)) = start().await else { return };
    let (browser, _) = app.signed_in().await;
    // More than the pool has connections: all of them hang, and each must be let go.
    let all_at_once = || futures_util::future::join_all((0..30).map(|_| browser.session()));
    eventually("every connection is open", || async {
        all_at_once().await;
        app.open_connections() == 8
    })
    .await;
    line.silence();
    for answer in all_at_once().await {
        failure(answer, ErrorCode::Unavailable).await;
    }
    line.mend();
    eventually("ready again", || is_ready(&app)).await;
    assert!(browser.is_signed_in().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn login_interrupted_by_database_loss_leaks_no_token() {
    let Some((app, line)) = start().await else { return };
    app.signed_in().await;
    let kept = app.emulator.tokens(UID).await;
    // The token is made, and the server hears of it when it cannot store it any more.
    app.emulator.fault(json!({"api": "rest", "kind": "delay", "millis": 700})).await;
    let minted = app.emulator.calls("POST", "/auth_tokens").await;
    let mut browser = app.browser();
    let login = tokio::spawn(async move { browser.login(EMAIL, PASSWORD).await });
    eventually("asked for a token", || async { app.emulator.calls("POST", "/auth_tokens").await > minted })
        .await;
    line.cut();
    failure(login.await.unwrap(), ErrorCode::Unavailable).await;
    app.emulator.mend().await;
    line.mend();
    eventually("ready again", || is_ready(&app)).await;
    app.in_the_end("only the first session's token is left", || async {
        app.emulator.tokens(UID).await == kept
    })
    .await;
    assert_eq!(app.count("SELECT count(*) FROM sessions").await, 1);
}
