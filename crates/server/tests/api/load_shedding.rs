//! More sign-ins than the hashing threads can do.

use crate::helpers::*;
use cometchat_auth::passwords::{Password, params};
use reqwest::{Method, StatusCode};
use shared::{ErrorCode, routes};
use std::time::{Duration, Instant};

/// A server with one hashing thread, which others always give more work than it takes: the server knows what waits, and
/// lets one more in whenever a hash is done.
async fn start() -> TestApp {
    let app = TestApp::start_with(|config| config.core.argon2 = params(64 * 1024, 8).unwrap()).await;
    for _ in 0..8 {
        let hasher = app.hasher().clone();
        tokio::spawn(async move {
            // Ends with the test's runtime.
            loop {
                if hasher.verify(Password::new("x"), None).await.is_err() {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }
        });
    }
    eventually("a hash would wait too long", || async { app.hasher().check_load().is_err() }).await;
    app
}

/// Sends sign-ins until one is refused, which is the next one but where a hash was just done. Returns how long the
/// refusal took.
async fn refusal(browser: &mut Browser) -> Duration {
    loop {
        let begun = Instant::now();
        let answer = browser.login(EMAIL, PASSWORD).await;
        if answer.status() != StatusCode::OK {
            failure(answer, ErrorCode::Overloaded).await;
            return begun.elapsed();
        }
    }
}

/// Gets this many refusals. Returns how long they took together.
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
        let answer = loop {
            let request = browser.request(Method::POST, path).header("content-type", "application/json");
            let answer = request.body("{").send().await.unwrap();
            // There was room just then, and the body was read.
            if answer.status() != StatusCode::BAD_REQUEST {
                break answer;
            }
        };
        let error = failure(answer, ErrorCode::Overloaded).await;
        assert!(error.retry_after_seconds.is_some());
    }
    assert_eq!(browser.get(routes::SESSION).await.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test(flavor = "multi_thread")]
async fn load_shedding_delays_excess_refusals() {
    let app = start().await;
    let mut browser = app.browser();
    // The server's clock stands still, and with it the second in which this many are told at once.
    let took = refusals(&mut browser, 200).await;
    assert!(took < Duration::from_secs(50), "none of these was held back: {took:?}");
    assert!(refusal(&mut browser).await >= Duration::from_millis(500));
    app.clock.advance(Duration::from_secs(1));
    let took = refusals(&mut browser, 100).await;
    assert!(took < Duration::from_secs(50), "a second later as many may be told again: {took:?}");
}
