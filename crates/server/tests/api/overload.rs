//! More sign-ins than the hashing threads can do.

use crate::support::*;
use cometchat_auth::passwords::{Password, params};
use reqwest::{Method, StatusCode};
use shared::{ErrorCode, routes};
use std::time::{Duration, Instant};

/// A server with one hashing thread, which has more to do than anybody waits for.
async fn start() -> TestApp {
    let app = TestApp::start_with(|config| config.store.argon2 = params(64 * 1024, 8).unwrap()).await;
    let verify = |_| {
        let hasher = app.hasher().clone();
        async move { hasher.verify(Password::new("x"), None).await }
    };
    for waiting in (0..200).map(verify) {
        tokio::spawn(waiting);
    }
    eventually("nobody else may wait", || async { app.hasher().check_load().is_err() }).await;
    app
}

#[tokio::test(flavor = "multi_thread")]
async fn who_would_wait_too_long_is_refused_before_the_body_is_read_and_others_are_served() {
    let app = start().await;
    let browser = app.browser();
    for path in [routes::LOGIN, routes::REGISTER] {
        let request =
            browser.request(Method::POST, path).header("content-type", "application/json").body("{");
        let error = failure(request.send().await.unwrap(), ErrorCode::Overloaded).await;
        assert!(error.retry_after_seconds.is_some());
    }
    assert_eq!(browser.get(routes::SESSION).await.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_that_heeds_no_refusal_is_held_back() {
    let app = start().await;
    let mut browser = app.browser();
    // The server's clock stands still, and with it the second in which this many are told at once.
    let begun = Instant::now();
    for _ in 0..200 {
        failure(browser.login(EMAIL, PASSWORD).await, ErrorCode::Overloaded).await;
    }
    assert!(begun.elapsed() < Duration::from_secs(50), "none of these was held back");
    let begun = Instant::now();
    failure(browser.login(EMAIL, PASSWORD).await, ErrorCode::Overloaded).await;
    assert!(begun.elapsed() >= Duration::from_millis(500));
    app.clock.advance(Duration::from_secs(1));
    let begun = Instant::now();
    for _ in 0..100 {
        failure(browser.login(EMAIL, PASSWORD).await, ErrorCode::Overloaded).await;
    }
    assert!(begun.elapsed() < Duration::from_secs(50), "a second later as many may be told again");
}
