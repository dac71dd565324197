//! Tests of invalid input.

use crate::assertion_login;
use crate::helpers::*;
use crate::register::GOOD;
use reqwest::{Body, Method, Response, StatusCode};
use serde_json::{Value, json};
use shared::{ErrorCode, routes, validation};

async fn send(app: &TestApp, content_type: &str, body: impl Into<Body>) -> Response {
    let browser = app.browser();
    let request = browser.request(Method::POST, routes::LOGIN).header("content-type", content_type);
    request.body(body).send().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_json_body_returns_invalid_request() {
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
async fn invalid_login_fields_are_named_in_response() {
    let app = TestApp::start().await;
    let long = "x".repeat(validation::MAX_PASSWORD_INPUT_BYTES + 1);
    let long_email = format!("{}@example.com", "x".repeat(300));
    for (email, password, field) in [
        ("", "password", "email"),
        ("   ", "password", "email"),
        ("unknown", "password", "email"),
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
async fn invisible_character_in_email_is_named_in_message() {
    let app = TestApp::start().await;
    for invisible in [
        '\u{200b}',
        '\u{2060}',
        '\u{ad}',
        '\u{202e}',
        '\u{3164}',
        '\u{2800}',
        '\u{feff}',
        '\u{a0}',
        '\u{1d159}',
    ] {
        for email in [format!("te{invisible}st@example.com"), format!("test@example{invisible}.com")] {
            let registered = app.browser().register(&email, GOOD, "Test User").await;
            let signed_in = app.browser().login(&email, PASSWORD).await;
            for response in [registered, signed_in] {
                let error = failure(response, ErrorCode::ValidationFailed).await;
                assert!(error.fields.unwrap()["email"].contains("invisible characters"), "{email:?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn name_without_visible_character_is_rejected() {
    let app = assertion_login::start().await;
    let (browser, _) = app.signed_in().await;
    let names = ["\u{301}", "\u{301} \u{489}", "\u{2800}", "\u{3164}", "\u{1d159}", "\u{200b}", "\u{2003}"];
    for (index, name) in names.into_iter().enumerate() {
        let registered = app.browser().register("ada@example.com", GOOD, name).await;
        let renamed = browser.put(routes::ACCOUNT, json!({"name": name})).await;
        for response in [registered, renamed] {
            let error = failure(response, ErrorCode::ValidationFailed).await;
            assert!(error.fields.unwrap().contains_key("name"), "{name:?}");
        }
        let mut claims = assertion_login::claims(&app, &index.to_string());
        claims["name"] = name.into();
        let response = assertion_login::login_by_assertion(&app, &assertion_login::hs256(&claims)).await;
        failure(response, ErrorCode::InvalidAssertion).await;
    }
    for name in ["e\u{301}", "7", "★", "👩\u{200d}🔬"] {
        let renamed = browser.put(routes::ACCOUNT, json!({"name": name})).await;
        assert_eq!(renamed.status(), StatusCode::OK, "{name:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn oversized_body_is_refused_with_or_without_length() {
    let app = TestApp::start().await;
    let large = vec![b' '; validation::MAX_BODY_BYTES + 1];
    failure(send(&app, "application/json", large).await, ErrorCode::PayloadTooLarge).await;
    let chunks = (0..40).map(|_| Ok::<_, std::io::Error>(vec![b' '; 1024]));
    let stream = Body::wrap_stream(futures_util::stream::iter(chunks));
    failure(send(&app, "application/json", stream).await, ErrorCode::PayloadTooLarge).await;
}

/// Ten megabytes: the server rejects the request before it reads the body, so the client may get a reset connection.
#[tokio::test(flavor = "multi_thread")]
async fn huge_body_leaves_server_responsive() {
    let app = TestApp::start().await;
    let browser = app.browser();
    let request = browser
        .request(Method::POST, routes::LOGIN)
        .header("content-type", "application/json")
        .body(vec![b'x'; 10_000_000]);
    match request.send().await {
        Ok(response) => drop(failure(response, ErrorCode::PayloadTooLarge).await),
        Err(error) => assert!(error.is_request() || error.is_body(), "{error:?}"),
    }
    app.signed_in().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn content_type_other_than_json_is_refused() {
    let app = TestApp::start().await;
    let body = json!({"email": EMAIL, "password": PASSWORD}).to_string();
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "nonsense"]
    {
        let response = send(&app, content_type, body.clone()).await;
        failure(response, ErrorCode::UnsupportedMediaType).await;
    }
    let response = send(&app, "application/json; charset=utf-8", body).await;
    assert_eq!(response.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_method_returns_405_and_unknown_path_404() {
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
        let response = browser.request(method, path).send().await.unwrap();
        failure(response, ErrorCode::MethodNotAllowed).await;
    }
    for path in ["/api", "/api/", "/api/nothing", "/api/login/", "/api/../api/x"] {
        let response = browser.request(Method::GET, path).send().await.unwrap();
        failure(response, ErrorCode::NotFound).await;
    }
    let missing = browser.request(Method::GET, "/nothing.js").send().await.unwrap();
    assert_eq!(missing.status(), StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn method_not_allowed_lists_head_beside_get() {
    let app = TestApp::start().await;
    for (path, allow) in [
        (routes::HEALTHZ, "GET, HEAD"),
        (routes::CONFIG, "GET, HEAD"),
        (routes::SESSIONS, "GET, HEAD, DELETE"),
        (routes::LOGIN, "POST"),
        ("/", "GET, HEAD"),
    ] {
        let response = app.browser().request(Method::PATCH, path).send().await.unwrap();
        assert_eq!(response.headers()["allow"], allow, "{path}");
        failure(response, ErrorCode::MethodNotAllowed).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn public_config_exposes_no_key() {
    let app = TestApp::start().await;
    let response = app.browser().request(Method::GET, routes::CONFIG).send().await.unwrap();
    let body: Value = response.json().await.unwrap();
    let emulator = &app.emulator.url;
    let expected =
        json!({"appId": "emulator", "region": "us", "passwordMinLength": 15, "emulatorUrl": emulator});
    assert_eq!(body, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn health_and_readiness_return_200() {
    let app = TestApp::start().await;
    for path in [routes::HEALTHZ, routes::READYZ] {
        let response = app.browser().request(Method::GET, path).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
    }
}
