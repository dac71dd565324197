//! Tests of the session: its response, its end and its expiry.

use crate::helpers::*;
use cometchat_auth::sessions;
use reqwest::StatusCode;
use reqwest::redirect::Policy;
use serde_json::Value;
use shared::{ErrorCode, UserResponse};
use std::time::Duration;
use url::Url;

#[tokio::test(flavor = "multi_thread")]
async fn session_response_contains_no_secret() {
    let app = TestApp::start().await;
    let (browser, _) = app.signed_in().await;
    let body: Value = browser.session().await.json().await.unwrap();
    let expected = UserResponse { id: UID.into(), email: EMAIL.into(), name: "Test User".into() };
    assert_eq!(body, serde_json::to_value(expected).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_or_malformed_cookie_is_not_signed_in() {
    let app = TestApp::start().await;
    let (signed_in, _) = app.signed_in().await;
    let name = signed_in.cookie.unwrap().split_once('=').unwrap().0.to_owned();
    let never_issued = "A".repeat(43);
    let long = "A".repeat(3000);
    for cookie in [
        None,
        Some(format!("{name}=")),
        Some(format!("{name}={never_issued}")),
        Some(format!("{name}={long}")),
        Some(format!("{name}=%00%ff\"; {name}=x")),
        Some("=; ;;=".to_owned()),
    ] {
        let browser = app.browser_with(cookie);
        failure(browser.session().await, ErrorCode::NotSignedIn).await;
        failure(browser.chat_token(false).await, ErrorCode::NotSignedIn).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_out_ends_session_and_revokes_chat_token() {
    let app = TestApp::start().await;
    let (browser, _) = app.signed_in().await;
    let response = browser.logout().await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    assert!(response.headers()["set-cookie"].to_str().unwrap().contains("Max-Age=0"));
    assert!(!browser.is_signed_in().await, "the cookie opens nothing any more");
    app.eventually_over_time("the chat token is revoked", || async {
        app.emulator.tokens(UID).await.is_empty()
    })
    .await;
    app.eventually_over_time("the job is done", || async {
        app.count("SELECT count(*) FROM chat_jobs").await == 0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_out_without_live_session_succeeds() {
    let app = TestApp::start().await;
    assert_eq!(app.browser().logout().await.status(), StatusCode::NO_CONTENT);
    let (browser, _) = app.signed_in().await;
    app.clock.advance(DAY * 31);
    assert_eq!(browser.logout().await.status(), StatusCode::NO_CONTENT);
    assert_eq!(browser.logout().await.status(), StatusCode::NO_CONTENT);
}

#[tokio::test(flavor = "multi_thread")]
async fn session_survives_server_restart() {
    let app = TestApp::start().await;
    let (browser, _) = app.signed_in().await;
    let app = app.restart().await;
    let browser = app.browser_with(browser.cookie);
    assert!(browser.is_signed_in().await);
    assert_eq!(browser.chat_token(false).await.status(), StatusCode::OK, "its sealed token opens");
}

#[tokio::test(flavor = "multi_thread")]
async fn session_ends_after_idle_timeout() {
    let app = TestApp::start().await;
    let (browser, _) = app.signed_in().await;
    app.clock.advance(DAY * 7 - Duration::from_secs(1));
    assert!(browser.is_signed_in().await, "and this use keeps it alive");
    app.clock.advance(DAY * 6);
    assert!(browser.is_signed_in().await);
    app.clock.advance(DAY * 7);
    assert!(!browser.is_signed_in().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn session_ends_at_maximum_age_despite_use() {
    let app = TestApp::start().await;
    let (browser, _) = app.signed_in().await;
    for _ in 0..5 {
        app.clock.advance(DAY * 5);
        assert!(browser.is_signed_in().await);
    }
    app.clock.advance(DAY * 5);
    assert!(!browser.is_signed_in().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn expired_session_is_swept_and_token_revoked() {
    let app = TestApp::start().await;
    app.signed_in().await;
    app.clock.advance(DAY * 8);
    let (fresh, response) = app.signed_in().await;
    assert_eq!(sessions::delete_expired(&app.db, app.clock.now(), 200).await.unwrap().len(), 1);
    assert_eq!(sessions::delete_expired(&app.db, app.clock.now(), 200).await.unwrap().len(), 0);
    assert!(fresh.is_signed_in().await);
    let kept = response.cometchat_auth_token.unwrap();
    app.eventually_over_time("only the live session's token is left", || async {
        app.emulator.tokens(UID).await == [kept.expose()]
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_session_row_invalidates_cookie() {
    let app = TestApp::start().await;
    let (browser, _) = app.signed_in().await;
    app.db.execute("DELETE FROM sessions", &[]).await.unwrap();
    app.db.execute("DELETE FROM users", &[]).await.unwrap();
    failure(browser.session().await, ErrorCode::NotSignedIn).await;
    failure(browser.chat_token(true).await, ErrorCode::NotSignedIn).await;
    assert_eq!(browser.logout().await.status(), StatusCode::NO_CONTENT);
}

#[tokio::test(flavor = "multi_thread")]
async fn session_read_succeeds_while_writes_are_blocked() {
    let app = TestApp::start().await;
    let (browser, _) = app.signed_in().await;
    // Late enough that the request updates `last_seen_at`.
    app.clock.advance(Duration::from_secs(3600));
    let mut tx = app.db.begin().await.unwrap();
    tx.execute("UPDATE sessions SET address = address", &[]).await.unwrap();
    assert!(browser.is_signed_in().await);
    tx.commit().await.unwrap();
    assert!(browser.is_signed_in().await);
    let seen = app.count("SELECT last_seen_at FROM sessions").await;
    assert_eq!(seen, app.clock.now(), "and it is written down once it can be");
}

#[tokio::test(flavor = "multi_thread")]
async fn page_without_session_redirects_to_login_url() {
    let login_url = "https://app.example/login?from=chat";
    let app = TestApp::start_with(|config| config.login_url = Some(login_url.parse().unwrap())).await;
    let location = async |cookie: Option<&str>, path: &str| {
        let http = reqwest::Client::builder().redirect(Policy::none()).no_proxy().build().unwrap();
        let mut request = http.get(format!("{}{path}", app.url));
        if let Some(cookie) = cookie {
            request = request.header("Cookie", cookie);
        }
        let response = request.send().await.unwrap();
        let headers = response.headers();
        let location = headers.get("location").map(|value| value.to_str().unwrap().to_owned());
        let is_stored = headers.get("cache-control").is_none_or(|value| value != "no-store");
        assert!(location.is_none() || !is_stored, "{path}: the browser keeps the redirect");
        location
    };
    let own = app.config.public_url.origin().ascii_serialization();
    for path in ["/", "/register", "/chat/grace", "/account?x=1", "//evil.example/"] {
        let location = location(None, path).await.unwrap();
        let rest = location.strip_prefix(&format!("{login_url}&return_to=")).unwrap();
        let wanted = Url::parse(&format!("http://x/?{rest}")).unwrap();
        let wanted = wanted.query().unwrap().replace("%3A", ":").replace("%2F", "/");
        assert_eq!(wanted, format!("{own}{}", path.split('?').next().unwrap()));
    }
    for path in ["/app.js", "/api/config", "/api/nothing", "/healthz"] {
        assert_eq!(location(None, path).await, None, "{path}");
    }
    let (browser, _) = app.signed_in().await;
    let cookie = browser.cookie.clone().unwrap();
    assert_eq!(location(Some(&cookie), "/").await, None);
    browser.logout().await;
    assert!(location(Some(&cookie), "/").await.is_some(), "the session has ended");
}
