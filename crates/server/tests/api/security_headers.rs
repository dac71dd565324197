//! Tests of the security headers of all responses.

use crate::helpers::*;
use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};
use shared::routes;
use std::collections::BTreeMap;
use url::Url;

const PATHS: [&str; 6] =
    [routes::SESSION, routes::CONFIG, "/", "/chat/unknown", "/nothing.js", routes::HEALTHZ];

/// The content security policy: the sources of each directive.
fn policy(headers: &HeaderMap) -> BTreeMap<String, Vec<String>> {
    let policies: Vec<_> = headers.get_all("content-security-policy").iter().collect();
    assert_eq!(policies.len(), 1);
    let directives = policies[0].to_str().unwrap().split(';').map(|directive| {
        let mut message = directive.split_whitespace().map(str::to_owned);
        (message.next().unwrap(), message.collect())
    });
    directives.collect()
}

/// A server that talks to CometChat's cloud as far as its pages can tell, at this address.
async fn in_earnest(public_url: &str) -> TestApp {
    let public_url: Url = public_url.parse().unwrap();
    TestApp::start_with(|config| {
        config.public_url = public_url;
        config.cometchat.emulator = None;
        config.cometchat.region = "eu".into();
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn csp_allows_only_own_scripts_and_cometchat() {
    let app = in_earnest("https://chat.example.com").await;
    for path in PATHS {
        let policy = policy(app.browser().get(path).await.headers());
        for directive in ["default-src", "object-src", "base-uri", "frame-ancestors"] {
            assert_eq!(policy[directive], ["'none'"], "{directive}");
        }
        let is_ours = |source: &String| {
            ["'self'", "'wasm-unsafe-eval'"].contains(&source.as_str()) || source.starts_with("'sha256-")
        };
        assert!(policy["script-src"].iter().all(is_ours), "{policy:?}");
        assert_eq!(policy["require-trusted-types-for"], ["'script'"]);
        assert_eq!(policy["trusted-types"], ["scripts"]);
        let hosts = [
            "'self'",
            "https://emulator.apiclient-eu.cometchat.io",
            "wss://emulator.websocket-eu.cometchat.io",
        ];
        assert_eq!(policy["connect-src"], hosts);
        let lax = ["'unsafe-inline'", "'unsafe-eval'", "'unsafe-hashes'", "*", "http:", "https:", "blob:"];
        for (directive, sources) in &policy {
            assert!(sources.iter().all(|source| !lax.contains(&source.as_str())), "{directive} {sources:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn csp_allows_emulator_instead_of_cometchat() {
    let app = TestApp::start().await;
    let policy = policy(app.browser().get("/").await.headers());
    let (http, ws) = (app.emulator.url.clone(), app.emulator.url.replacen("http", "ws", 1));
    assert_eq!(policy["connect-src"], ["'self'", &http, &ws]);
    assert!(policy["script-src"].contains(&http), "its shim");
}

#[tokio::test(flavor = "multi_thread")]
async fn security_headers_are_on_every_response() {
    let app = in_earnest("https://chat.example.com").await;
    for path in PATHS {
        for method in [Method::GET, Method::HEAD, Method::POST, Method::OPTIONS, Method::TRACE] {
            let response = app.browser().request(method.clone(), path).send().await.unwrap();
            let text = |name: &str| response.headers()[name].to_str().unwrap();
            assert_eq!(text("x-content-type-options"), "nosniff", "{method} {path}");
            assert_eq!(text("referrer-policy"), "no-referrer");
            assert_eq!(text("cross-origin-opener-policy"), "same-origin");
            assert_eq!(text("cross-origin-resource-policy"), "same-origin");
            assert_eq!(text("strict-transport-security"), "max-age=63072000; includeSubDomains");
            for feature in ["camera", "geolocation", "microphone", "payment", "usb"] {
                let denied = format!("{feature}=()");
                assert!(text("permissions-policy").split(", ").any(|one| one == denied), "{feature}");
            }
            assert!(
                !response.headers().contains_key("server")
                    && !response.headers().contains_key("x-powered-by")
            );
            if path.starts_with(routes::API) {
                assert_eq!(text("cache-control"), "no-store");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hsts_under_base_path_excludes_subdomains() {
    let app = in_earnest("https://example.com/chat").await;
    let response = app.browser().get("/chat/").await;
    assert_eq!(response.headers()["strict-transport-security"], "max-age=63072000");
}

#[tokio::test(flavor = "multi_thread")]
async fn response_with_body_declares_content_type() {
    let app = TestApp::start().await;
    for (path, expected) in [
        (routes::CONFIG, "application/json"),
        (routes::SESSION, "application/json"),
        ("/api/nothing", "application/json"),
        ("/nothing.js", "application/json"),
        (routes::OPENAPI, "application/json"),
        (routes::API_DOCS, "text/html; charset=utf-8"),
        ("/", "text/html; charset=utf-8"),
        ("/chat/unknown", "text/html; charset=utf-8"),
        ("/api-docs/swagger-ui.css", "text/css; charset=utf-8"),
    ] {
        let response = app.browser().get(path).await;
        // Without a page there is nothing of it to be said.
        let is_page = expected.starts_with("text/");
        if response.status() == StatusCode::OK || !is_page {
            assert_eq!(response.headers()["content-type"], expected, "{path}");
        }
        assert_eq!(
            response.headers().contains_key("content-type"),
            !response.bytes().await.unwrap().is_empty()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hsts_is_absent_over_http() {
    let app = TestApp::start().await;
    assert!(!app.browser().get("/").await.headers().contains_key("strict-transport-security"));
}

#[tokio::test(flavor = "multi_thread")]
async fn session_end_clears_site_data_unless_host_is_shared() {
    const CLEAR: &str = "clear-site-data";
    let app = in_earnest("https://chat.example.com").await;
    let (browser, _) = app.signed_in().await;
    let response = browser.logout().await;
    // Not "cookies", or the browser would be a stranger at its next sign-in; nor "cache", where nothing is.
    assert_eq!(response.headers()[CLEAR], "\"storage\"");
    let (browser, _) = app.signed_in().await;
    assert!(!browser.session().await.headers().contains_key(CLEAR));
    let deleted = browser.delete(routes::ACCOUNT, serde_json::json!({"password": PASSWORD})).await;
    assert_eq!(
        (deleted.status(), &deleted.headers()[CLEAR]),
        (StatusCode::NO_CONTENT, &"\"storage\"".parse().unwrap())
    );

    let shared = in_earnest("https://example.com/chat").await;
    let logout = shared.browser().request(Method::POST, "/chat/api/logout").send().await.unwrap();
    assert_eq!(logout.status(), StatusCode::NO_CONTENT);
    assert!(!logout.headers().contains_key(CLEAR), "the host's other pages have stored something too");
}
