//! Tests of session rotation: a change of a credential replaces its session, so that a copied cookie becomes invalid.

use crate::helpers::*;
use crate::register::GOOD;
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use shared::{ErrorCode, SessionsResponse, routes};

const EMAIL: &str = "ada@example.com";
const OTHER: &str = "carpet lantern november";

/// The changes that replace a session.
const CHANGES: [&str; 2] = ["a new password", "sign out everywhere else"];

async fn make(change: &str, browser: &Browser) -> Response {
    match change {
        "a new password" => {
            let body = json!({"currentPassword": GOOD, "newPassword": OTHER});
            browser.put(routes::PASSWORD, body).await
        }
        _ => browser.delete(routes::SESSIONS, json!({})).await,
    }
}

/// Returns Ada's browser, a thief's browser with a copy of the cookie, and Ada's chat token.
async fn robbed(app: &TestApp) -> (Browser, Browser, String) {
    app.add_user("ada", EMAIL, "Ada", Some(GOOD)).await;
    let mut owner = app.browser();
    let token = owner.sign_in(EMAIL, GOOD).await.cometchat_auth_token.unwrap();
    let thief = app.browser_with(owner.cookie.clone());
    assert!(thief.is_signed_in().await);
    (owner, thief, token.expose().to_owned())
}

async fn chat_token(browser: &Browser) -> String {
    let response: Value = browser.chat_token(false).await.json().await.unwrap();
    response["cometchatAuthToken"].as_str().unwrap().to_owned()
}

async fn own_session(browser: &Browser) -> shared::SessionInfo {
    let listed: SessionsResponse = browser.get(routes::SESSIONS).await.json().await.unwrap();
    listed.sessions.into_iter().find(|session| session.current).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn copied_cookie_is_invalid_after_credential_change() {
    for change in CHANGES {
        let app = TestApp::start().await;
        let (mut owner, thief, token) = robbed(&app).await;
        app.clock.advance(std::time::Duration::from_secs(60));
        let before = own_session(&owner).await;
        let changed = make(change, &owner).await;
        assert_eq!(changed.status(), StatusCode::NO_CONTENT, "{change}");
        owner.keep(&changed);

        failure(thief.session().await, ErrorCode::NotSignedIn).await;
        failure(thief.chat_token(false).await, ErrorCode::NotSignedIn).await;
        failure(thief.chat_token(true).await, ErrorCode::NotSignedIn).await;
        failure(make(change, &thief).await, ErrorCode::NotSignedIn).await;
        assert!(owner.is_signed_in().await, "{change}");
        let after = own_session(&owner).await;
        assert_ne!(before.id, after.id, "{change}");
        assert_eq!(before.created_at, after.created_at, "{change}: its greatest age is that of the sign-in");

        let new = chat_token(&owner).await;
        assert_ne!(new, token, "{change}");
        app.eventually_over_time("the new token alone is left", || async {
            app.emulator.tokens("ada").await == [&*new]
        })
        .await;
        assert_eq!(chat_token(&owner).await, new, "{change}: all tabs get the same one");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rotated_session_keeps_its_maximum_age() {
    let app = TestApp::start().await;
    let (mut owner, _, _) = robbed(&app).await;
    for _ in 0..4 {
        app.clock.advance(DAY * 6);
        let changed = make("sign out everywhere else", &owner).await;
        owner.keep(&changed);
        assert!(owner.is_signed_in().await);
    }
    app.clock.advance(DAY * 6);
    assert!(!owner.is_signed_in().await, "thirty days after the sign-in");
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_session_rotation_succeeds_once() {
    let app = TestApp::start().await;
    let (owner, _, _) = robbed(&app).await;
    let mut elsewhere = app.browser();
    elsewhere.sign_in(EMAIL, GOOD).await;
    // Concurrent changes in two sessions: each change that succeeds has ended the other session.
    let at_once = (0..8)
        .map(|place| make("sign out everywhere else", if place % 2 == 0 { &owner } else { &elsewhere }));
    let responses = futures_util::future::join_all(at_once).await;
    let statuses: Vec<_> = responses.iter().map(Response::status).collect();
    assert_eq!(
        statuses.iter().filter(|status| **status == StatusCode::NO_CONTENT).count(),
        1,
        "{statuses:?}"
    );
    assert!(
        statuses.iter().all(|status| [StatusCode::NO_CONTENT, StatusCode::UNAUTHORIZED].contains(status)),
        "{statuses:?}"
    );
    assert_eq!(app.count("SELECT count(*) FROM sessions").await, 1);

    // The right password does not help a session that has ended.
    failure(make("a new password", &owner).await, ErrorCode::NotSignedIn).await;
    app.browser().sign_in(EMAIL, GOOD).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn session_rotation_during_outage_loses_no_token() {
    for change in CHANGES {
        let app = TestApp::start().await;
        let (mut owner, _, token) = robbed(&app).await;
        app.emulator.add_fault(json!({"api": "rest", "kind": "drop"})).await;
        let changed = make(change, &owner).await;
        assert_eq!(changed.status(), StatusCode::NO_CONTENT, "{change}");
        owner.keep(&changed);
        // Expects the job, because a check for lost tokens would revoke this one, too.
        let revocations = app.count("SELECT count(*) FROM chat_jobs WHERE kind = 'revoke_token'").await;
        assert_eq!(revocations, 1, "{change}");
        assert!(owner.is_signed_in().await);
        failure(owner.chat_token(false).await, ErrorCode::ChatUnavailable).await;
        app.emulator.clear_faults().await;
        app.eventually_over_time("the old token is revoked", || async {
            !app.emulator.tokens("ada").await.contains(&token)
        })
        .await;
        eventually("chat is back", || async { owner.chat_token(false).await.status() == StatusCode::OK })
            .await;
    }
}
