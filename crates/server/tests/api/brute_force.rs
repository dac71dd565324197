//! Tests against password guessing from one or many addresses, and against lookalike accounts.

use crate::helpers::*;
use futures_util::StreamExt as _;
use futures_util::stream;
use reqwest::{Method, StatusCode};
use serde_json::json;
use shared::{ErrorCode, LoginResponse, routes, validation};
use std::time::Duration;

const GOOD: &str = "plum tractor yesterday";
/// A new password that is longer than a request may be.
const MEGABYTE: usize = 1024 * 1024;

/// Tries to log in from a client address that a trusted proxy reports, and returns the status.
async fn attempt(app: &TestApp, address: &str, email: &str, password: &str) -> StatusCode {
    let browser = app.browser();
    let request = browser.request(Method::POST, routes::LOGIN).header("x-forwarded-for", address);
    request.json(&json!({"email": email, "password": password})).send().await.unwrap().status()
}

/// Starts a server with this login rate limit per address, which trusts the loopback address as a proxy.
async fn start_behind_proxy(attempts_per_minute: u32) -> TestApp {
    TestApp::start_with(|config| {
        config.login_attempts_per_minute = attempts_per_minute;
        config.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn stolen_password_list_stops_at_rate_limit() {
    let app = start_behind_proxy(30).await;
    let before = app.hashes();
    let mut refused = 0;
    for pair in 0..200 {
        // The hundredth pair is valid.
        let guess = (EMAIL.to_owned(), PASSWORD.to_owned());
        let (email, password) =
            if pair == 99 { guess } else { (format!("{pair}@example.com"), format!("stolen {pair}")) };
        let status = attempt(&app, "192.0.2.1", &email, &password).await;
        assert!(status == StatusCode::UNAUTHORIZED || status == StatusCode::TOO_MANY_REQUESTS, "{status}");
        refused += usize::from(status == StatusCode::TOO_MANY_REQUESTS);
    }
    assert_eq!(refused, 170);
    assert_eq!(app.hashes() - before, 30, "a rejected attempt computes no hash");
    assert_eq!(
        attempt(&app, "192.0.2.2", EMAIL, PASSWORD).await,
        StatusCode::OK,
        "other addresses are not limited"
    );
    app.clock.advance(Duration::from_secs(60));
    assert_eq!(
        attempt(&app, "192.0.2.1", EMAIL, PASSWORD).await,
        StatusCode::OK,
        "the limit is refilled after a minute"
    );
}

/// The number of failed logins in a row that locks an account (NIST SP 800-63B-4, 3.2.2).
const MAX_FAILURES: u32 = 100;

/// Tries to log in to an account this many times, each time from a new network, and returns the statuses.
async fn guess(
    app: &TestApp,
    email: &str,
    password: &str,
    count: u32,
    next_network: &mut u32,
) -> Vec<StatusCode> {
    let first = *next_network;
    *next_network += count;
    let guesses = (first..first + count).map(|network| async move {
        let address = format!("10.1.{}.{}", network / 256, network % 256);
        attempt(app, &address, email, password).await
    });
    stream::iter(guesses).buffer_unordered(8).collect().await
}

#[tokio::test(flavor = "multi_thread")]
async fn distributed_guessing_is_stopped_by_lockout() {
    let app = start_behind_proxy(30).await;
    let mut owner = app.browser();
    owner.sign_in(EMAIL, PASSWORD).await;
    app.add_user("other", "other@example.com", "Other", Some(PASSWORD)).await;
    let mut network = 0;
    let all = |status: StatusCode, count: u32| vec![status; usize::try_from(count).unwrap()];

    let below = guess(&app, "other@example.com", "wrong", MAX_FAILURES - 1, &mut network).await;
    assert_eq!(below, all(StatusCode::UNAUTHORIZED, MAX_FAILURES - 1));
    let right = guess(&app, "other@example.com", PASSWORD, 1, &mut network).await;
    assert_eq!(right, [StatusCode::OK], "99 failures do not lock an account");

    let locking = guess(&app, EMAIL, "wrong", MAX_FAILURES, &mut network).await;
    assert_eq!(locking, all(StatusCode::UNAUTHORIZED, MAX_FAILURES));
    let right = guess(&app, EMAIL, PASSWORD, 200, &mut network).await;
    assert_eq!(right, all(StatusCode::UNAUTHORIZED, 200), "100 failures lock an account");
    app.clock.advance(2 * DAY);
    let later = guess(&app, EMAIL, PASSWORD, 1, &mut network).await;
    assert_eq!(later, [StatusCode::UNAUTHORIZED], "a lockout does not expire");
    owner.sign_in(EMAIL, PASSWORD).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn password_spraying_is_limited_without_lockout() {
    let app = start_behind_proxy(30).await;
    for user in 0..40 {
        app.add_user(&format!("u{user}"), &format!("u{user}@example.com"), "U", Some(PASSWORD)).await;
    }
    // Four rounds with a pause, as by an attacker who knows the backoff.
    for round in 0..4 {
        for user in 0..40 {
            let status =
                attempt(&app, "192.0.2.1", &format!("u{user}@example.com"), &format!("Spring 202{round}"))
                    .await;
            let expected = if user < 30 { StatusCode::UNAUTHORIZED } else { StatusCode::TOO_MANY_REQUESTS };
            assert_eq!(status, expected, "u{user}, round {round}");
        }
        app.clock.advance(Duration::from_secs(60));
    }
    for user in 0..40 {
        let status = attempt(&app, "192.0.2.2", &format!("u{user}@example.com"), PASSWORD).await;
        assert_eq!(status, if user < 30 { StatusCode::OK } else { StatusCode::TOO_MANY_REQUESTS });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_forwarded_chain_cannot_bypass_rate_limit() {
    let app = start_behind_proxy(1).await;
    assert_eq!(attempt(&app, "192.0.2.7", EMAIL, "wrong").await, StatusCode::UNAUTHORIZED);
    // The proxy appends the last entry; the client controls all entries before it.
    for chain in [
        "198.51.100.1, 192.0.2.7",
        "127.0.0.1, 192.0.2.7",
        "198.51.100.1, 127.0.0.1, 192.0.2.7, 127.0.0.1",
        "nonsense, 192.0.2.7",
        "198.51.100.1,,192.0.2.7",
        "::ffff:192.0.2.7",
        " 192.0.2.7 ",
    ] {
        assert_eq!(attempt(&app, chain, EMAIL, "wrong").await, StatusCode::TOO_MANY_REQUESTS, "{chain}");
    }
    for (name, value) in [
        ("forwarded", "for=198.51.100.1"),
        ("x-real-ip", "198.51.100.1"),
        ("x-client-ip", "198.51.100.1"),
        ("cf-connecting-ip", "198.51.100.1"),
        ("true-client-ip", "198.51.100.1"),
    ] {
        let browser = app.browser();
        let request = browser.request(Method::POST, routes::LOGIN).header("x-forwarded-for", "192.0.2.7");
        let request = request.header(name, value).json(&json!({"email": EMAIL, "password": "wrong"}));
        failure(request.send().await.unwrap(), ErrorCode::TooManyAttempts).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn equivalent_email_spelling_is_the_same_account() {
    let app = TestApp::start().await;
    app.add_user("fi", "fine.caf\u{e9}.k@example.com", "Fi", Some(PASSWORD)).await;
    for same in [
        "FINE.CAF\u{c9}.K@EXAMPLE.COM",
        "\u{fb01}ne.caf\u{e9}.k@example.com",
        "fine.cafe\u{301}.k@example.com",
        "fine.caf\u{e9}.\u{212a}@example.com",
        "\u{ff46}\u{ff49}\u{ff4e}\u{ff45}.caf\u{e9}.k@example.com",
        "\u{a0}fine.caf\u{e9}.k@example.com\u{3000}",
    ] {
        failure(app.browser().register(same, GOOD, "Other User").await, ErrorCode::EmailTaken).await;
        assert_eq!(app.browser().sign_in(same, PASSWORD).await.id, "fi", "{same}");
    }
}

/// Chromium's email field encodes a domain that the user types in letters.
#[tokio::test(flavor = "multi_thread")]
async fn international_domain_is_one_account_in_all_spellings() {
    let app = TestApp::start().await;
    app.add_user("max", "max@m\u{fc}nchen.de", "Max", Some(PASSWORD)).await;
    let spellings =
        ["max@xn--mnchen-3ya.de", "MAX@XN--MNCHEN-3YA.DE", "max@M\u{dc}NCHEN.de", "max@mu\u{308}nchen.de"];
    for same in spellings {
        failure(app.browser().register(same, GOOD, "Other User").await, ErrorCode::EmailTaken).await;
        assert_eq!(app.browser().sign_in(same, PASSWORD).await.id, "max", "{same}");
    }
    for same in spellings {
        failure(app.browser().login(same, "wrong").await, ErrorCode::InvalidCredentials).await;
    }
    let counted = "SELECT count(*) FROM login_failures WHERE failures = 4";
    assert_eq!(app.count(counted).await, 2, "by account and by network");

    let response = app.browser().register("Eva@xn--mnchen-3ya.DE", GOOD, "Eva").await;
    let registered: LoginResponse = response.json().await.unwrap();
    assert_eq!(registered.email, "Eva@m\u{fc}nchen.DE");
    assert_eq!(app.browser().sign_in("eva@m\u{fc}nchen.de", GOOD).await.id, registered.id);
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_international_domain_cannot_be_registered() {
    let app = TestApp::start().await;
    for email in ["max@xn--99999999.de", "max@xn--\u{fc}.de", "max@a.\u{301}b.de", "max@m\u{fc}n/chen.de"] {
        let error = app.browser().register(email, GOOD, "Max").await;
        let error = failure(error, ErrorCode::ValidationFailed).await;
        assert!(error.fields.unwrap()["email"].contains("domain after the @"), "{email}");
        failure(app.browser().login(email, PASSWORD).await, ErrorCode::InvalidCredentials).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lookalike_email_is_a_separate_account() {
    let app = TestApp::start().await;
    for alike in [
        "t\u{435}st@example.com",    // Cyrillic е
        "test@ex\u{430}mple.com",    // Cyrillic а
        "test@examp\u{04cf}e.com",   // Cyrillic palochka
        "te\u{301}st@example.com",   // an accent
        "test@ex\u{e4}mple.com",     // ä
        "test+anything@example.com", // the same mailbox at some providers only
    ] {
        let mut stranger = app.browser();
        let response = stranger.register(alike, GOOD, "Test User").await;
        assert_eq!(response.status(), StatusCode::CREATED, "{alike}");
        let response: LoginResponse = response.json().await.unwrap();
        assert_ne!(response.id, UID);
        failure(app.browser().login(alike, PASSWORD).await, ErrorCode::InvalidCredentials).await;
    }
    failure(app.browser().login(EMAIL, GOOD).await, ErrorCode::InvalidCredentials).await;
    assert_eq!(app.browser().sign_in(EMAIL, PASSWORD).await.id, UID);
}

#[tokio::test(flavor = "multi_thread")]
async fn password_ignores_accent_composition_only() {
    let app = TestApp::start().await;
    let composed = "caf\u{e9} \u{fb01}sh a\u{30a}ngstr\u{f6}m 7";
    let response = app.browser().register("ada@example.com", composed, "Ada").await;
    assert_eq!(response.status(), StatusCode::CREATED);
    for same in ["cafe\u{301} \u{fb01}sh \u{e5}ngstro\u{308}m 7", "caf\u{e9} \u{fb01}sh \u{e5}ngstr\u{f6}m 7"]
    {
        app.browser().sign_in("ada@example.com", same).await;
    }
    for other in [
        "caf\u{e9} fish \u{e5}ngstr\u{f6}m 7",
        "cafe \u{fb01}sh angstrom 7",
        "CAF\u{c9} \u{fb01}sh \u{e5}ngstr\u{f6}m 7",
    ] {
        failure(app.browser().login("ada@example.com", other).await, ErrorCode::InvalidCredentials).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn megabyte_password_is_refused_before_hashing() {
    let app = TestApp::start().await;
    let (here, _) = app.signed_in().await;
    let before = app.hashes();
    for (length, code) in [
        (MEGABYTE, ErrorCode::PayloadTooLarge),
        (validation::MAX_BODY_BYTES - 200, ErrorCode::ValidationFailed),
        (validation::MAX_PASSWORD_INPUT_BYTES + 1, ErrorCode::ValidationFailed),
    ] {
        let long = "x".repeat(length);
        for (method, path, body) in [
            (Method::POST, routes::LOGIN, json!({"email": EMAIL, "password": long})),
            (Method::POST, routes::REGISTER, json!({"email": "a@b.c", "password": long, "name": "A"})),
            (Method::PUT, routes::PASSWORD, json!({"currentPassword": long, "newPassword": GOOD})),
            (Method::PUT, routes::PASSWORD, json!({"currentPassword": PASSWORD, "newPassword": long})),
            (Method::DELETE, routes::ACCOUNT, json!({"password": long})),
        ] {
            // Uses a new connection: the server closes the connection if it rejects a body before reading it.
            let request = here.request(method, path).header("connection", "close").json(&body);
            failure(request.send().await.unwrap(), code).await;
        }
    }
    assert_eq!(app.hashes(), before);
    assert!(here.is_signed_in().await);
}
