//! Tests of the registration.

use crate::helpers::*;
use reqwest::StatusCode;
use serde_json::json;
use shared::{ErrorCode, LoginResponse, routes};

pub const GOOD: &str = "plum tractor yesterday";

#[tokio::test(flavor = "multi_thread")]
async fn registration_creates_user_with_one_call() {
    let app = TestApp::start().await;
    let mut browser = app.browser();
    let response = browser.register(" Ada@Example.com ", GOOD, "  Ada Lovelace ").await;
    assert_eq!(response.status(), StatusCode::CREATED);
    let response: LoginResponse = response.json().await.unwrap();
    assert_eq!((response.email.as_str(), response.name.as_str()), ("Ada@Example.com", "Ada Lovelace"));
    let id = uuid::Uuid::parse_str(&response.id).unwrap();
    assert_eq!(id.to_string(), response.id, "a lower-case UUID");
    assert_eq!(app.emulator.names().await[&response.id], "Ada Lovelace");
    assert_eq!(app.emulator.tokens(&response.id).await, [response.cometchat_auth_token.unwrap().expose()]);
    assert_eq!((app.emulator.calls("POST", "/users").await, app.emulator.calls("POST", "").await), (1, 1));
    assert_eq!(app.count("SELECT count(*) FROM chat_jobs").await, 0);
    assert!(browser.is_signed_in().await);
    assert!(browser.cookie.is_some() && browser.device.is_some());
    app.browser().sign_in("ada@example.com", GOOD).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn registration_of_taken_email_is_refused() {
    let app = TestApp::start().await;
    let mut browser = app.browser();
    failure(browser.register("TEST@example.COM", GOOD, "Other User").await, ErrorCode::EmailTaken).await;
    assert!(browser.cookie.is_none());
    assert_eq!(app.count("SELECT count(*) FROM users").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_registration_of_email_has_one_winner() {
    let app = TestApp::start().await;
    let (mut one, mut other) = (app.browser(), app.browser());
    let responses = tokio::join!(
        one.register("a@example.com", GOOD, "One"),
        other.register("a@example.com", GOOD, "Other")
    );
    let mut statuses = [responses.0.status().as_u16(), responses.1.status().as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409]);
    app.eventually_over_time("only that one is at CometChat", || async {
        app.emulator.names().await.len() == 1 && app.count("SELECT count(*) FROM chat_jobs").await == 0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn registration_with_weak_password_gives_reason() {
    let app = TestApp::start().await;
    for (password, message) in [
        ("short", "at least 15 characters: 10 more"),
        ("passwordpassword", "easy to guess"),
        ("adalovelace12345", "easy to guess"),
    ] {
        let response = app.browser().register("ada@example.com", password, "Ada Lovelace").await;
        let fields = failure(response, ErrorCode::ValidationFailed).await.fields.unwrap();
        assert!(fields["password"].contains(message), "{fields:?}");
    }
    assert_eq!(app.count("SELECT count(*) FROM users").await, 1);
    assert!(app.emulator.names().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn registration_reports_all_invalid_fields() {
    let app = TestApp::start().await;
    let body = json!({"email": "unknown", "password": "", "name": "\u{7}"});
    let error = failure(app.browser().post(routes::REGISTER, body).await, ErrorCode::ValidationFailed).await;
    assert_eq!(error.fields.unwrap().into_keys().collect::<Vec<_>>(), ["email", "name", "password"]);
    for body in
        [json!({}), json!({"email": 1}), json!({"email": "a@b", "password": "p", "name": "n", "x": 1})]
    {
        failure(app.browser().post(routes::REGISTER, body).await, ErrorCode::InvalidRequest).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_before_registration_do_not_block_login() {
    let app = TestApp::start().await;
    for _ in 0..5 {
        failure(app.browser().login("a@example.com", "wrong").await, ErrorCode::InvalidCredentials).await;
    }
    app.browser().register("a@example.com", GOOD, "A").await;
    app.browser().sign_in("a@example.com", GOOD).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn registration_ends_previous_session() {
    let app = TestApp::start().await;
    let (mut browser, _) = app.signed_in().await;
    let old = app.browser_with(browser.cookie.clone());
    assert_eq!(browser.register("a@example.com", GOOD, "A").await.status(), StatusCode::CREATED);
    assert!(!old.is_signed_in().await);
    app.eventually_over_time("its chat token is revoked", || async {
        app.emulator.tokens(UID).await.is_empty()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn closed_registration_is_refused_and_not_offered() {
    let app = TestApp::start_with(|config| config.registration_is_open = false).await;
    let mut browser = app.browser();
    let refused = browser.register("ada@example.com", GOOD, "Ada").await;
    failure(refused, ErrorCode::RegistrationClosed).await;
    failure(browser.register("not an address", "", "").await, ErrorCode::RegistrationClosed).await;
    assert_eq!(app.count("SELECT count(*) FROM users").await, 1, "the one who is there");
    assert_eq!(app.emulator.calls("POST", "/users").await, 0);

    assert_eq!(browser.get("/register").await.url().path(), "/", "it leads to the form to sign in");
    browser.sign_in(EMAIL, PASSWORD).await;
}
