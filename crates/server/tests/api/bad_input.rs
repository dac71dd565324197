//! What nobody should send.

use crate::support::*;
use reqwest::{Body, Method, Response, StatusCode};
use serde_json::{Value, json};
use shared::{ErrorCode, validation, routes};

async fn send(app: &TestApp, content_type: &str, body: impl Into<Body>) -> Response {
    let browser = app.browser();
    let request = browser.request(Method::POST, routes::LOGIN).header("content-type", content_type);
    request.body(body).send().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_not_the_json_it_should_be_is_refused_in_words() {
    let app = TestApp::start().await;
    let bodies: [&[u8]; 15] = [
        b"",
        b"{",
        b"null",
        b"[]",
        b"\"password\"",
        br#"["test@example.com","password"]"#,
        b"email=test@example.com&password=password",
        br#"{"email":"test@example.com"}"#,
        br#"{"email":"test@example.com","password":null}"#,
        br#"{"email":"test@example.com","password":987654321}"#,
        br#"{"email":["test@example.com"],"password":"password"}"#,
        br#"{"email":"test@example.com","password":"password","admin":true}"#,
        br#"{"email":"test@example.com","password":"password","password":"again"}"#,
        b"{\"email\":\"test@example.com\",\"password\":\"\xff\xfe\"}",
        br#"{"email":"test@example.com","password":"\ud800"}"#,
    ];
    for body in bodies {
        let error = failure(send(&app, "application/json", body).await, ErrorCode::InvalidRequest).await;
        assert!(!error.message.contains("again") && !error.message.contains("98765"), "{error:?}");
    }
    let deep = "[".repeat(10_000);
    failure(send(&app, "application/json", deep).await, ErrorCode::InvalidRequest).await;
    assert_eq!(app.count("SELECT count(*) FROM login_failures").await, 0, "nothing was written");
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_that_are_empty_too_long_or_unprintable_are_named() {
    let app = TestApp::start().await;
    let long = "x".repeat(validation::PASSWORD_INPUT_MAX_BYTES + 1);
    let long_email = format!("{}@example.com", "x".repeat(300));
    for (email, password, field) in [
        ("", "password", "email"),
        ("   ", "password", "email"),
        ("nobody", "password", "email"),
        (&long_email, "password", "email"),
        ("a\0@example.com", "password", "email"),
        ("a\r\nb@example.com", "password", "email"),
        (EMAIL, "", "password"),
        (EMAIL, &long, "password"),
        (EMAIL, "pass\0word", "password"),
    ] {
        let error = failure(app.browser().login(email, password).await, ErrorCode::ValidationFailed).await;
        let fields: Vec<String> = error.fields.unwrap().into_keys().collect();
        assert_eq!(fields, [field], "{email:?}");
    }
    assert_eq!(app.count("SELECT count(*) FROM login_failures").await, 0, "nothing was written");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_too_large_is_refused_with_and_without_its_length_said() {
    let app = TestApp::start().await;
    let large = vec![b' '; validation::BODY_MAX_BYTES + 1];
    failure(send(&app, "application/json", large).await, ErrorCode::PayloadTooLarge).await;
    let chunks = (0..40).map(|_| Ok::<_, std::io::Error>(vec![b' '; 1024]));
    let stream = Body::wrap_stream(futures_util::stream::iter(chunks));
    failure(send(&app, "application/json", stream).await, ErrorCode::PayloadTooLarge).await;
}

/// Ten megabytes: refused before they were read, so the client may find its line cut.
#[tokio::test(flavor = "multi_thread")]
async fn a_huge_body_hurts_nobody() {
    let app = TestApp::start().await;
    let browser = app.browser();
    let request = browser
        .request(Method::POST, routes::LOGIN)
        .header("content-type", "application/json")
        .body(vec![b'x'; 10_000_000]);
    match request.send().await {
        Ok(answer) => drop(failure(answer, ErrorCode::PayloadTooLarge).await),
        Err(error) => assert!(error.is_request() || error.is_body(), "{error:?}"),
    }
    app.signed_in().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_declared_as_json_is_refused() {
    let app = TestApp::start().await;
    let body = json!({"email": EMAIL, "password": PASSWORD}).to_string();
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "nonsense"]
    {
        let answer = send(&app, content_type, body.clone()).await;
        failure(answer, ErrorCode::UnsupportedMediaType).await;
    }
    let answer = send(&app, "application/json; charset=utf-8", body).await;
    assert_eq!(answer.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_method_or_a_path_that_is_not_there_is_told_apart() {
    let app = TestApp::start().await;
    let browser = app.browser();
    for (method, path) in [
        (Method::GET, routes::LOGIN),
        (Method::PUT, routes::LOGIN),
        (Method::DELETE, routes::SESSION),
        (Method::GET, routes::LOGOUT),
        (Method::POST, routes::CONFIG),
        (Method::POST, routes::HEALTHZ),
        (Method::POST, "/"),
    ] {
        let answer = browser.request(method, path).send().await.unwrap();
        failure(answer, ErrorCode::MethodNotAllowed).await;
    }
    for path in ["/api", "/api/", "/api/nothing", "/api/login/", "/api/../api/x"] {
        let answer = browser.request(Method::GET, path).send().await.unwrap();
        failure(answer, ErrorCode::NotFound).await;
    }
    let missing = browser.request(Method::GET, "/nothing.js").send().await.unwrap();
    assert_eq!(missing.status(), StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_page_must_know_is_there_for_everybody_and_holds_no_key() {
    let app = TestApp::start().await;
    let answer = app.browser().request(Method::GET, routes::CONFIG).send().await.unwrap();
    let body: Value = answer.json().await.unwrap();
    let emulator = &app.emulator.url;
    let expected =
        json!({"appId": "emulator", "region": "us", "passwordMinLength": 15, "emulatorUrl": emulator});
    assert_eq!(body, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn health_is_told() {
    let app = TestApp::start().await;
    for path in [routes::HEALTHZ, routes::READYZ] {
        let answer = app.browser().request(Method::GET, path).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
    }
}
