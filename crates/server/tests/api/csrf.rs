//! Tests of requests from pages of other origins.

use crate::helpers::*;
use cometchat_auth::crypto::seal::SecretKey;
use reqwest::{Method, Response, StatusCode};
use serde_json::json;
use shared::{ErrorCode, routes};

const APP: &str = "https://app.example.com";

async fn login_from(app: &TestApp, headers: &[(&str, &str)]) -> Response {
    let browser = app.browser();
    let mut request = browser.request(Method::POST, routes::LOGIN);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.json(&json!({"email": EMAIL, "password": PASSWORD})).send().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn cross_origin_login_and_logout_are_forbidden() {
    let app = TestApp::start().await;
    for headers in [
        &[("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")][..],
        &[("sec-fetch-site", "same-site"), ("origin", "http://localhost:8000")],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
    ] {
        let response = login_from(&app, headers).await;
        assert!(!response.headers().contains_key("set-cookie"));
        assert!(!response.headers().contains_key("access-control-allow-origin"));
        failure(response, ErrorCode::ForbiddenOrigin).await;
    }
    let (browser, _) = app.signed_in().await;
    let logout = browser.request(Method::POST, routes::LOGOUT).header("sec-fetch-site", "cross-site");
    failure(logout.send().await.unwrap(), ErrorCode::ForbiddenOrigin).await;
    assert!(browser.is_signed_in().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn csrf_form_post_is_refused_by_content_type() {
    let app = TestApp::start().await;
    let browser = app.browser();
    let form = browser
        .request(Method::POST, routes::LOGIN)
        .header("content-type", "text/plain")
        .body(json!({"email": EMAIL, "password": PASSWORD}).to_string());
    failure(form.send().await.unwrap(), ErrorCode::UnsupportedMediaType).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn same_origin_login_is_allowed() {
    let app = TestApp::start().await;
    let headers = [("sec-fetch-site", "same-origin"), ("origin", "http://localhost:3000")];
    assert_eq!(login_from(&app, &headers).await.status(), StatusCode::OK);
    assert_eq!(login_from(&app, &headers[1..]).await.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn cors_names_allowed_origin_with_credentials() {
    let app = TestApp::start_with(|config| config.allowed_origins = vec![APP.into()]).await;
    let response = login_from(&app, &[("sec-fetch-site", "same-site"), ("origin", APP)]).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["access-control-allow-origin"], APP);
    assert_eq!(response.headers()["access-control-allow-credentials"], "true");

    let refused =
        login_from(&app, &[("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")]).await;
    assert!(!refused.headers().contains_key("access-control-allow-origin"));
    failure(refused, ErrorCode::ForbiddenOrigin).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cors_lets_allowed_origin_read_errors() {
    let app = TestApp::start_with(|config| config.allowed_origins = vec![APP.into()]).await;
    let browser = app.browser();
    let session = browser.request(Method::GET, routes::SESSION).header("origin", APP);
    let response = session.send().await.unwrap();
    assert_eq!(response.headers()["access-control-allow-origin"], APP);
    failure(response, ErrorCode::NotSignedIn).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cors_preflight_passes_only_for_allowed_origin() {
    let app = TestApp::start_with(|config| config.allowed_origins = vec![APP.into()]).await;
    let preflight = |origin: &'static str| {
        app.browser()
            .request(Method::OPTIONS, routes::LOGIN)
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "content-type")
            .send()
    };
    let response = preflight(APP).await.unwrap();
    assert_eq!(response.headers()["access-control-allow-origin"], APP);
    let response = preflight("https://evil.example").await.unwrap();
    assert!(!response.headers().contains_key("access-control-allow-origin"));
    failure(response, ErrorCode::ForbiddenOrigin).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rejected_cors_preflight_has_json_error() {
    for (allowed, asked, code) in [
        (vec![], ("POST", "content-type"), ErrorCode::ForbiddenOrigin),
        (vec![APP.to_owned()], ("PATCH", "content-type"), ErrorCode::InvalidRequest),
        (vec![APP.to_owned()], ("POST", "content-type,authorization"), ErrorCode::InvalidRequest),
    ] {
        let app = TestApp::start_with(|config| config.allowed_origins = allowed).await;
        let preflight = app
            .browser()
            .request(Method::OPTIONS, routes::LOGIN)
            .header("origin", APP)
            .header("access-control-request-method", asked.0)
            .header("access-control-request-headers", asked.1);
        failure(preflight.send().await.unwrap(), code).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn login_from_another_site_is_rejected_before_password() {
    let app = TestApp::start_with(|config| {
        config.allowed_origins = vec![APP.into()];
        config.assertion_keys = vec![SecretKey::new([9; 32])];
    })
    .await;
    let hashes = app.hashes();
    for path in [routes::LOGIN, routes::REGISTER, routes::LOGIN_ASSERTION] {
        let request = app.browser().request(Method::POST, path).header("origin", APP);
        let request = request.header("sec-fetch-site", "cross-site");
        let body = json!({"email": EMAIL, "password": PASSWORD});
        let response = request.json(&body).send().await.unwrap();
        assert_eq!(response.headers()["access-control-allow-origin"], APP, "the page can read the error");
        assert!(!response.headers().contains_key("set-cookie"));
        let error = failure(response, ErrorCode::CrossSite).await;
        assert!(error.message.contains("cookie"), "{}", error.message);
    }
    assert_eq!(app.hashes(), hashes);
    assert_eq!(app.count("SELECT count(*) FROM sessions").await, 0);
}
