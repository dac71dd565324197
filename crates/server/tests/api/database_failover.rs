//! A PostgreSQL fail-over: open connections lead to a server that is read-only now, and new ones to the primary.

use crate::helpers::*;
use reqwest::StatusCode;
use shared::{ErrorCode, LoginResponse, routes};
use test_support::uses_postgres;

/// More than the pool has connections.
const CONNECTIONS: usize = 8;

/// Makes every open connection of the server read-only, as after a fail-over.
async fn fail_over(app: &TestApp) {
    let mut transactions = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut tx = app.state().db.begin().await.unwrap();
        tx.execute("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", &[]).await.unwrap();
        transactions.push(tx);
    }
    for tx in transactions {
        tx.commit().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn login_after_failover_recovers_without_restart() {
    if !uses_postgres() {
        return;
    }
    let app = TestApp::start().await;
    app.signed_in().await;
    fail_over(&app).await;
    // The first one may succeed without a chat token, whose request cannot be recorded on a read-only connection.
    let first = app.browser().login(EMAIL, PASSWORD).await.status();
    assert!(first == StatusCode::OK || first == StatusCode::SERVICE_UNAVAILABLE, "{first}");
    eventually("a login gets a chat token", || async {
        let response = app.browser().login(EMAIL, PASSWORD).await;
        assert_ne!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        response.status() == StatusCode::OK
            && response.json::<LoginResponse>().await.unwrap().cometchat_auth_token.is_some()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_after_failover_is_503_then_200() {
    if !uses_postgres() {
        return;
    }
    let app =
        TestApp::start_with(|config| config.metrics_listen = Some("127.0.0.1:0".parse().unwrap())).await;
    app.signed_in().await;
    fail_over(&app).await;
    failure(app.browser().get(routes::READYZ).await, ErrorCode::Unavailable).await;
    eventually("ready again", || async {
        app.browser().get(routes::READYZ).await.status() == StatusCode::OK
    })
    .await;
    assert!(app.metrics().await.contains("cometchat_auth_database_up 1"));
    fail_over(&app).await;
    assert!(app.metrics().await.contains("cometchat_auth_database_up 0"));
}
