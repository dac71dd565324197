//! Tests of the metrics.

use crate::helpers::*;
use cometchat_auth::passwords::Backend;
use reqwest::StatusCode;
use serde_json::json;
use shared::routes;

/// A server that tells its metrics.
async fn start() -> TestApp {
    TestApp::start_with(|config| config.metrics_listen = Some("127.0.0.1:0".parse().unwrap())).await
}

/// Returns the value of the sample with this name, without the server's prefix, and these labels.
fn value(metrics: &str, sample: &str) -> Option<f64> {
    let sample = format!("{sample} ");
    metrics.lines().find_map(|line| {
        line.strip_prefix("cometchat_auth_").unwrap_or(line).strip_prefix(&sample)?.parse().ok()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_count_requests_logins_hashes_and_calls() {
    let app = start().await;
    app.signed_in().await;
    app.browser().login(EMAIL, "wrong").await;
    app.browser().login("unknown@example.com", "wrong").await;
    app.browser().get("/api/nothing").await;
    let metrics = app.metrics().await;
    let expected = [
        (r#"http_requests_total{method="POST",route="/api/login",status="200"}"#, 1.0),
        (r#"http_requests_total{method="POST",route="/api/login",status="401"}"#, 2.0),
        (r#"http_requests_total{method="GET",route="page",status="404"}"#, 1.0),
        (r#"http_request_duration_seconds_count{route="/api/login"}"#, 3.0),
        (r#"auth_events_total{event="logged_in",reason=""}"#, 1.0),
        (r#"auth_events_total{event="login_failed",reason="wrong_password"}"#, 1.0),
        (r#"auth_events_total{event="login_failed",reason="unknown_user"}"#, 1.0),
        ("password_hash_duration_seconds_count", 3.0),
        ("password_hash_queue_seconds_count", 3.0),
        ("password_hash_queue_depth", 0.0),
        ("password_hash_threads", 1.0),
        (r#"cometchat_request_duration_seconds_count{call="create_token",outcome="user_not_found"}"#, 1.0),
        (r#"cometchat_request_duration_seconds_count{call="create_user",outcome="ok"}"#, 1.0),
        ("cometchat_circuit_breaker_open", 0.0),
        ("database_up", 1.0),
    ];
    for (sample, expected) in expected {
        assert_eq!(value(&metrics, sample), Some(expected), "{sample} in:\n{metrics}");
    }
    assert!(value(&metrics, r#"database_connections{state="idle"}"#).unwrap() >= 1.0);
    assert!(value(&metrics, "process_resident_memory_bytes").unwrap() > 1_000_000.0);
    assert!(metrics.ends_with("# EOF\n"), "OpenMetrics ends so");
}

#[tokio::test(flavor = "multi_thread")]
async fn metric_names_backend_of_password_hashing() {
    for (backend, name) in [(Backend::Simd, "simd"), (Backend::Reference, "reference")] {
        let app = TestApp::start_with(|config| {
            config.metrics_listen = Some("127.0.0.1:0".parse().unwrap());
            config.core.argon2_backend = backend;
        })
        .await;
        app.signed_in().await;
        let sample = format!("password_hash_backend_info{{name=\"{name}\"}}");
        assert_eq!(value(&app.metrics().await, &sample), Some(1.0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn head_request_for_metrics_succeeds() {
    let app = start().await;
    let head = app.emulator.http.head(app.metrics_url()).send().await.unwrap();
    assert_eq!(head.status(), StatusCode::OK);
    assert!(head.headers()["content-length"].to_str().unwrap().parse::<usize>().unwrap() > 0);
    assert!(head.headers()["content-type"].to_str().unwrap().starts_with("application/openmetrics-text"));
    assert!(head.bytes().await.unwrap().is_empty());
    let post = app.emulator.http.post(app.metrics_url()).send().await.unwrap();
    assert_eq!(post.status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_show_outage_in_breaker_and_waiting_jobs() {
    let app = start().await;
    let (browser, _) = app.signed_in().await;
    app.emulator.add_fault(json!({"api": "rest", "kind": "drop"})).await;
    assert_eq!(browser.put(routes::ACCOUNT, json!({"name": "Another"})).await.status(), StatusCode::OK);
    for _ in 0..3 {
        browser.chat_token(true).await;
    }
    eventually("the breaker is open", || async {
        value(&app.metrics().await, "cometchat_circuit_breaker_open") == Some(1.0)
    })
    .await;
    app.clock.advance(std::time::Duration::from_secs(5));
    let metrics = app.metrics().await;
    assert!(
        value(&metrics, "chat_job_lag_seconds").unwrap() >= 5.0,
        "a job that was tried and put off waits too: {metrics}"
    );
    assert!(value(&metrics, r#"chat_jobs{state="waiting"}"#).unwrap() >= 1.0, "{metrics}");
    assert_eq!(value(&metrics, r#"chat_jobs{state="parked"}"#), Some(0.0));
    let refused =
        r#"cometchat_request_duration_seconds_count{call="create_token",outcome="unknown_outcome"}"#;
    assert!(value(&metrics, refused).unwrap() >= 1.0, "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_report_parked_jobs() {
    let app = start().await;
    let (browser, _) = app.signed_in().await;
    let refuses =
        json!({"api": "rest", "method": "PUT", "kind": "status", "status": 400, "code": "ERR_BAD_REQUEST"});
    app.emulator.add_fault(refuses).await;
    browser.put(routes::ACCOUNT, json!({"name": "Another"})).await;
    eventually("it is parked", || async {
        value(&app.metrics().await, r#"chat_jobs{state="parked"}"#) == Some(1.0)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_absent_from_public_listener() {
    let app = start().await;
    let response = app.browser().get("/metrics").await;
    assert!(!response.text().await.unwrap().contains("cometchat_auth_"));
}

#[tokio::test(flavor = "multi_thread")]
async fn grafana_dashboard_uses_only_existing_metrics() {
    let app = start().await;
    app.signed_in().await;
    let metrics = app.metrics().await;
    let dashboard = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/grafana.json");
    let dashboard = std::fs::read_to_string(dashboard).unwrap();
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let names: Vec<_> = dashboard
        .split("cometchat_auth_")
        .skip(1)
        .map(|rest| rest.split(|c| !is_name(c)).next().unwrap())
        .collect();
    assert!(names.len() > 15, "{names:?}");
    for name in names {
        assert!(metrics.contains(&format!("\ncometchat_auth_{name}")), "{name} in:\n{metrics}");
    }
}
