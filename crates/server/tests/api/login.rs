//! Tests of the login by email and password.

use crate::helpers::*;
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use shared::{ErrorCode, LoginResponse};

#[tokio::test(flavor = "multi_thread")]
async fn login_returns_user_chat_token_and_session() {
    let app = TestApp::start().await;
    let (browser, response) = app.signed_in().await;
    let token = response.cometchat_auth_token.clone().expect("a chat token");
    assert_eq!(app.emulator.tokens(UID).await, [token.expose()]);
    let expected = LoginResponse {
        id: UID.into(),
        email: EMAIL.into(),
        name: "Test User".into(),
        cometchat_auth_token: Some(token),
    };
    assert_eq!(response, expected);
    assert!(browser.is_signed_in().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn session_cookie_is_httponly_and_samesite() {
    let app = TestApp::start().await;
    let response = app.browser().login(EMAIL, PASSWORD).await;
    let cookie = response.headers()["set-cookie"].to_str().unwrap().to_owned();
    for attribute in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=2592000"] {
        assert!(cookie.split("; ").any(|part| part == attribute), "{attribute} in {cookie}");
    }
    assert!(!cookie.contains("Secure"), "a plain http address keeps no secure cookie: {cookie}");
    assert_eq!(response.headers()["cache-control"], "no-store");
}

#[tokio::test(flavor = "multi_thread")]
async fn session_cookie_over_https_is_secure_host_bound() {
    let app = TestApp::start_with(|config| {
        config.public_url = "https://chat.example.com".parse().unwrap();
    })
    .await;
    let mut browser = app.browser();
    let response = browser.login(EMAIL, PASSWORD).await;
    let cookie = response.headers()["set-cookie"].to_str().unwrap().to_owned();
    assert!(cookie.starts_with("__Host-") && cookie.contains("; Secure"), "{cookie}");
    assert!(response.headers().contains_key("strict-transport-security"));
    assert!(browser.is_signed_in().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_login_body_is_the_same_for_all_causes() {
    let app = TestApp::start().await;
    app.add_user("no-password", "no-password@example.com", "No Password", None).await;
    let mut bodies = Vec::new();
    for email in [EMAIL, "unknown@example.com", "no-password@example.com"] {
        let response = app.browser().login(email, "not the password").await;
        assert!(!response.headers().contains_key("set-cookie"));
        bodies.push(without_id(response).await);
    }
    assert_eq!(bodies[0]["message"], "Your email or password is wrong!");
    assert!(bodies.iter().all(|body| *body == bodies[0]), "{bodies:?}");
    assert_eq!(app.count("SELECT count(*) FROM sessions").await, 0);
    assert!(app.emulator.tokens(UID).await.is_empty());
}

async fn without_id(response: Response) -> Value {
    let status = response.status().as_u16();
    let mut body: Value = response.json().await.unwrap();
    body.as_object_mut().unwrap().remove("requestId").expect("a request id");
    body["status"] = json!(status);
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn empty_password_never_opens_passwordless_account() {
    let app = TestApp::start().await;
    app.add_user("no-password", "no-password@example.com", "No Password", None).await;
    let response = app.browser().login("no-password@example.com", "").await;
    let error = failure(response, ErrorCode::ValidationFailed).await;
    assert!(error.fields.unwrap().contains_key("password"));
}

#[tokio::test(flavor = "multi_thread")]
async fn email_is_normalized_but_password_is_exact() {
    let app = TestApp::start().await;
    assert_eq!(app.browser().sign_in("  TEST@Example.com ", PASSWORD).await.email, EMAIL);
    for password in ["Password", " password", "password "] {
        let response = app.browser().login(EMAIL, password).await;
        failure(response, ErrorCode::InvalidCredentials).await;
    }
}

/// The demo user's password is shorter than the minimum for new passwords.
#[tokio::test(flavor = "multi_thread")]
async fn password_policy_does_not_affect_existing_users() {
    let app = TestApp::start().await;
    assert!(PASSWORD.len() < app.config.core.password_min_length);
    app.signed_in().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_cometchat_user_is_created_once() {
    let app = TestApp::start().await;
    for _ in 0..2 {
        let (_, response) = app.signed_in().await;
        assert!(response.cometchat_auth_token.is_some());
    }
    assert_eq!(app.emulator.calls("POST", "/v3/users").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn outdated_hash_is_upgraded_at_next_login() {
    let mut app = TestApp::start().await;
    app.config.core.argon2 = cometchat_auth::passwords::params(128, 1).unwrap();
    let app = app.restart().await;
    let newer = "SELECT count(*) FROM users WHERE password_hash LIKE '$argon2id$v=19$m=128,t=1,p=1$%'";
    assert_eq!(app.count(newer).await, 0);
    app.signed_in().await;
    assert_eq!(app.count(newer).await, 1);
    app.signed_in().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn second_login_ends_session_of_same_browser() {
    let app = TestApp::start().await;
    let (mut browser, first) = app.signed_in().await;
    let old_cookie = browser.cookie.clone();
    let second = browser.sign_in(EMAIL, PASSWORD).await;
    assert_ne!(browser.cookie, old_cookie, "a new sign-in is a new session");
    let old = app.browser_with(old_cookie);
    assert!(!old.is_signed_in().await);
    let (first, second) = (first.cometchat_auth_token.unwrap(), second.cometchat_auth_token.unwrap());
    assert_ne!(first, second);
    app.eventually_over_time("the old chat token is revoked", || async {
        app.emulator.tokens(UID).await == [second.expose()]
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_browsers_have_separate_sessions_and_tokens() {
    let app = TestApp::start().await;
    let (one, _) = app.signed_in().await;
    let (other, _) = app.signed_in().await;
    assert_eq!(app.emulator.tokens(UID).await.len(), 2);
    one.logout().await;
    assert!(!one.is_signed_in().await);
    assert!(other.is_signed_in().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn database_stores_no_plaintext_secrets() {
    let app = TestApp::start().await;
    app.add_user("u", "u@example.com", "U", Some("correct horse battery")).await;
    let mut browser = app.browser();
    let response = browser.sign_in("u@example.com", "correct horse battery").await;
    browser.login("u@example.com", "wrong horse battery").await;
    browser.logout().await;
    let session = browser.cookie.unwrap().split_once('=').unwrap().1.to_owned();
    let chat_token = response.cometchat_auth_token.unwrap();
    // Only SQLite's file can be read here; the rows are the same on PostgreSQL.
    let Some(path) = app.config.core.database_url.expose().strip_prefix("sqlite://") else { return };
    let mut bytes = Vec::new();
    for end in ["", "-wal"] {
        bytes.extend(std::fs::read(format!("{path}{end}")).unwrap());
    }
    let holds = |secret: &str| bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
    assert!(holds(EMAIL), "the search finds what is there");
    for secret in [session.as_str(), chat_token.expose(), "horse battery"] {
        assert!(!holds(secret), "{secret}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn internal_error_details_are_not_exposed() {
    let app = TestApp::start().await;
    app.db.execute("DROP TABLE login_failures", &[]).await.unwrap();
    let response = app.browser().login(EMAIL, PASSWORD).await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let error = failure(response, ErrorCode::Internal).await;
    assert!(!error.message.contains("login_failures") && !error.message.contains("SQL"), "{error:?}");
}
