//! Tests with more logins than the hash threads can process.

use crate::helpers::*;
use cometchat_auth::passwords::{Password, params};
use reqwest::{Method, StatusCode};
use shared::{ErrorCode, routes};
use std::time::{Duration, Instant};

/// Starts a server with one hash thread, whose queue the test keeps full. The server accepts one more login whenever a
/// hash is done.
async fn start() -> TestApp {
    let app = TestApp::start_with(|config| config.core.argon2 = params(64 * 1024, 8).unwrap()).await;
    for _ in 0..8 {
        let hasher = app.hasher().clone();
        tokio::spawn(async move {
            let mut retries = tokio::time::interval(Duration::from_millis(1));
            // The task ends with the test's runtime.
            loop {
                if hasher.verify(Password::new("x"), None).await.is_err() {
                    retries.tick().await;
                }
            }
        });
    }
    eventually("a hash would wait too long", || async { app.hasher().check_load().is_err() }).await;
    app
}

/// Sends logins until one is rejected, which is usually the first. Returns the duration of the rejected request.
async fn refusal(browser: &mut Browser) -> Duration {
    loop {
        let begun = Instant::now();
        let response = browser.login(EMAIL, PASSWORD).await;
        if response.status() != StatusCode::OK {
            failure(response, ErrorCode::Overloaded).await;
            return begun.elapsed();
        }
    }
}

/// Waits for this many rejections, and returns their total duration.
async fn refusals(browser: &mut Browser, count: usize) -> Duration {
    let mut all = Duration::ZERO;
    for _ in 0..count {
        all += refusal(browser).await;
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn load_shedding_refuses_before_reading_body() {
    let app = start().await;
    let browser = app.browser();
    for path in [routes::LOGIN, routes::REGISTER] {
        let response = loop {
            let request = browser.request(Method::POST, path).header("content-type", "application/json");
            let response = request.body("{").send().await.unwrap();
            // The queue had room, so the server read the body.
            if response.status() != StatusCode::BAD_REQUEST {
                break response;
            }
        };
        let error = failure(response, ErrorCode::Overloaded).await;
        assert!(error.retry_after_seconds.is_some());
    }
    assert_eq!(browser.get(routes::SESSION).await.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test(flavor = "multi_thread")]
async fn load_shedding_delays_excess_refusals() {
    let app = start().await;
    let mut browser = app.browser();
    // The server's clock stands still, so the number of immediate rejections is not refilled.
    let took = refusals(&mut browser, 200).await;
    assert!(took < Duration::from_secs(50), "none of these was held back: {took:?}");
    assert!(refusal(&mut browser).await >= Duration::from_millis(500));
    app.clock.advance(Duration::from_secs(1));
    let took = refusals(&mut browser, 100).await;
    assert!(took < Duration::from_secs(50), "immediate rejections are refilled after a second: {took:?}");
}
