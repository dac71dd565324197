//! Tests of the routes with which users manage their accounts and sessions.

use crate::helpers::*;
use crate::register::GOOD;
use reqwest::{Method, StatusCode};
use serde_json::json;
use shared::{ErrorCode, SessionsResponse, UserResponse, routes};
use std::time::Duration;

const OTHER: &str = "carpet lantern november";

/// Returns two browsers of a newly registered user, and the id of the user.
async fn in_two_browsers(app: &TestApp) -> (Browser, Browser, String) {
    let (mut here, mut elsewhere) = (app.browser(), app.browser());
    here.register("ada@example.com", GOOD, "Ada").await;
    let response = elsewhere.sign_in("ada@example.com", GOOD).await;
    (here, elsewhere, response.id)
}

async fn sessions(browser: &Browser) -> SessionsResponse {
    browser.get(routes::SESSIONS).await.json().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn rename_updates_session_and_cometchat() {
    let app = TestApp::start().await;
    let (here, _, id) = in_two_browsers(&app).await;
    let response = here.put(routes::ACCOUNT, json!({"name": " Ada Lovelace "})).await;
    let response: UserResponse = response.json().await.unwrap();
    assert_eq!(response.name, "Ada Lovelace");
    let session: UserResponse = here.session().await.json().await.unwrap();
    assert_eq!(session, response);
    app.eventually_over_time("CometChat has it", || async {
        app.emulator.names().await.get(&id).is_some_and(|name| name == "Ada Lovelace")
    })
    .await;
    let error =
        failure(here.put(routes::ACCOUNT, json!({"name": " "})).await, ErrorCode::ValidationFailed).await;
    assert!(error.fields.unwrap().contains_key("name"));
}

#[tokio::test(flavor = "multi_thread")]
async fn rename_during_earlier_rename_wins() {
    let app = TestApp::start().await;
    let (here, _, id) = in_two_browsers(&app).await;
    let slow = json!({"api": "rest", "method": "PUT", "kind": "delay", "millis": 300, "times": 1});
    app.emulator.add_fault(slow).await;
    here.put(routes::ACCOUNT, json!({"name": "First"})).await;
    eventually("the first is being done", || async {
        app.count("SELECT count(*) FROM chat_jobs WHERE claim IS NOT NULL").await == 1
    })
    .await;
    here.put(routes::ACCOUNT, json!({"name": "Second"})).await;
    app.eventually_over_time("nothing is left to do", || async {
        app.count("SELECT count(*) FROM chat_jobs").await == 0
    })
    .await;
    assert_eq!(app.emulator.names().await[&id], "Second");
}

#[tokio::test(flavor = "multi_thread")]
async fn rename_survives_one_spurious_user_not_found() {
    let app = TestApp::start().await;
    let (here, _, id) = in_two_browsers(&app).await;
    let missing = json!({"api": "rest", "method": "PUT", "kind": "status", "status": 404,
                         "code": "ERR_UID_NOT_FOUND", "times": 1});
    app.emulator.add_fault(missing).await;
    here.put(routes::ACCOUNT, json!({"name": "Countess"})).await;
    app.eventually_over_time("nothing is left to do", || async {
        app.count("SELECT count(*) FROM chat_jobs").await == 0
    })
    .await;
    assert_eq!(app.emulator.names().await[&id], "Countess");
}

#[tokio::test(flavor = "multi_thread")]
async fn session_list_shows_devices_and_marks_current() {
    let app = TestApp::start().await;
    let mut here = app.browser();
    here.register("ada@example.com", GOOD, "Ada").await;
    app.clock.advance(Duration::from_secs(300));
    let firefox = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0";
    let login = json!({"email": "ada@example.com", "password": GOOD});
    let request = app.browser().request(Method::POST, routes::LOGIN).header("user-agent", firefox);
    assert_eq!(request.json(&login).send().await.unwrap().status(), StatusCode::OK);

    app.clock.advance(Duration::from_secs(60));
    let listed = sessions(&here).await.sessions;
    let [here, elsewhere] = &listed[..] else { panic!("{listed:?}") };
    assert!(here.current && !elsewhere.current, "the session of the request is the current one");
    assert_eq!(
        (here.device.as_str(), elsewhere.device.as_str()),
        ("An unknown device", "Firefox on Windows")
    );
    assert_eq!(elsewhere.address, "127.0.0.1");
    assert_eq!(
        (here.created_at + 300, here.last_seen_at),
        (elsewhere.created_at, elsewhere.last_seen_at + 60)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn session_ended_remotely_revokes_its_chat_token() {
    let app = TestApp::start().await;
    let (here, elsewhere, id) = in_two_browsers(&app).await;
    let other = sessions(&here).await.sessions.into_iter().find(|session| !session.current).unwrap();
    let response = here.delete(&format!("{}/{}", routes::SESSIONS, other.id), json!({})).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    assert!(here.is_signed_in().await && !elsewhere.is_signed_in().await);
    app.eventually_over_time("one token is left", || async { app.emulator.tokens(&id).await.len() == 1 })
        .await;
    let again = here.delete(&format!("{}/{}", routes::SESSIONS, other.id), json!({})).await;
    assert_eq!(again.status(), StatusCode::NO_CONTENT, "ending an ended session succeeds");
}

#[tokio::test(flavor = "multi_thread")]
async fn session_of_other_user_is_neither_seen_nor_ended() {
    let app = TestApp::start().await;
    let (here, elsewhere, _) = in_two_browsers(&app).await;
    let (mut stranger, _) = app.signed_in().await;
    for session in sessions(&here).await.sessions {
        stranger.delete(&format!("{}/{}", routes::SESSIONS, session.id), json!({})).await;
    }
    let ended = stranger.delete(routes::SESSIONS, json!({})).await;
    assert_eq!(ended.status(), StatusCode::NO_CONTENT);
    stranger.keep(&ended);
    assert!(here.is_signed_in().await && elsewhere.is_signed_in().await && stranger.is_signed_in().await);
    assert_eq!(sessions(&stranger).await.sessions.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_out_elsewhere_ends_all_other_sessions() {
    let app = TestApp::start().await;
    let (mut here, elsewhere, id) = in_two_browsers(&app).await;
    app.browser().sign_in("ada@example.com", GOOD).await;
    let ended = here.delete(routes::SESSIONS, json!({})).await;
    assert_eq!(ended.status(), StatusCode::NO_CONTENT);
    here.keep(&ended);
    assert!(here.is_signed_in().await && !elsewhere.is_signed_in().await);
    assert_eq!(sessions(&here).await.sessions.len(), 1);
    app.eventually_over_time("no token is left", || async { app.emulator.tokens(&id).await.is_empty() })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn password_change_ends_other_sessions() {
    let app = TestApp::start().await;
    let (mut here, elsewhere, id) = in_two_browsers(&app).await;
    let body = json!({"currentPassword": GOOD, "newPassword": OTHER});
    let changed = here.put(routes::PASSWORD, body).await;
    assert_eq!(changed.status(), StatusCode::NO_CONTENT);
    here.keep(&changed);
    assert!(here.is_signed_in().await && !elsewhere.is_signed_in().await);
    failure(app.browser().login("ada@example.com", GOOD).await, ErrorCode::InvalidCredentials).await;
    app.browser().sign_in("ada@example.com", OTHER).await;
    app.eventually_over_time("only the new sign-in has a token", || async {
        app.emulator.tokens(&id).await.len() == 1
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_session_id_counts_as_ended() {
    let app = TestApp::start().await;
    let (here, _, _) = in_two_browsers(&app).await;
    for name in ["%00", "abc%00", "nothing", "00000000000000000000000000000000"] {
        let response = here.delete(&format!("{}/{name}", routes::SESSIONS), json!({})).await;
        assert_eq!(response.status(), StatusCode::NO_CONTENT, "{name}");
    }
    assert_eq!(sessions(&here).await.sessions.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn password_change_needs_current_and_strong_new() {
    let app = TestApp::start().await;
    let (here, elsewhere, _) = in_two_browsers(&app).await;
    let change = |current: &str, new: &str| json!({"currentPassword": current, "newPassword": new});
    failure(here.put(routes::PASSWORD, change("wrong", OTHER)).await, ErrorCode::InvalidCredentials).await;
    // Scoring a new password is expensive, so it needs the current password first.
    failure(
        here.put(routes::PASSWORD, change("wrong", "passwordpassword")).await,
        ErrorCode::InvalidCredentials,
    )
    .await;
    for weak in ["short", "passwordpassword", "ada@example.com"] {
        let error =
            failure(here.put(routes::PASSWORD, change(GOOD, weak)).await, ErrorCode::ValidationFailed).await;
        assert!(error.fields.unwrap().contains_key("newPassword"));
    }
    assert!(elsewhere.is_signed_in().await);
    app.browser().sign_in("ada@example.com", GOOD).await;
    for _ in 0..5 {
        here.put(routes::PASSWORD, change("wrong", OTHER)).await;
    }
    let response = here.put(routes::PASSWORD, change(GOOD, OTHER)).await;
    failure(response, ErrorCode::TooManyAttempts).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn account_deletion_removes_user_on_both_sides() {
    let app = TestApp::start().await;
    let (here, elsewhere, id) = in_two_browsers(&app).await;
    failure(here.delete(routes::ACCOUNT, json!({"password": "wrong"})).await, ErrorCode::InvalidCredentials)
        .await;
    assert!(here.is_signed_in().await);
    let response = here.delete(routes::ACCOUNT, json!({"password": GOOD})).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    assert!(response.headers()["set-cookie"].to_str().unwrap().contains("Max-Age=0"));
    assert!(!here.is_signed_in().await && !elsewhere.is_signed_in().await);
    failure(app.browser().login("ada@example.com", GOOD).await, ErrorCode::InvalidCredentials).await;
    app.eventually_over_time("CometChat has forgotten them", || async {
        !app.emulator.names().await.contains_key(&id)
            && app.count("SELECT count(*) FROM chat_jobs").await == 0
    })
    .await;
    let again = app.browser().register("ada@example.com", GOOD, "Ada").await;
    assert_eq!(again.status(), StatusCode::CREATED);
    assert_ne!(
        again.json::<serde_json::Value>().await.unwrap()["id"],
        id.as_str(),
        "the id of a deleted user is not reused"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn account_routes_require_a_session() {
    let app = TestApp::start().await;
    let browser = app.browser();
    let session = format!("{}/x", routes::SESSIONS);
    for response in [
        browser.get(routes::SESSIONS).await,
        browser.delete(routes::SESSIONS, json!({})).await,
        browser.delete(&session, json!({})).await,
        browser.put(routes::ACCOUNT, json!({"name": "x"})).await,
        browser.put(routes::PASSWORD, json!({"currentPassword": "x", "newPassword": OTHER})).await,
        browser.delete(routes::ACCOUNT, json!({"password": "x"})).await,
    ] {
        failure(response, ErrorCode::NotSignedIn).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn login_in_flight_fails_after_password_change() {
    let app = TestApp::start().await;
    let (mut here, _, id) = in_two_browsers(&app).await;
    let slow = json!({"api": "rest", "path": "auth_tokens", "kind": "delay", "millis": 800, "times": 1});
    app.emulator.add_fault(slow).await;
    // Another tab of the same browser changes the password.
    let mut late = app.browser_with(here.cookie.clone());
    let changed = async {
        // The login has verified the password and waits for CometChat.
        eventually("the mint is under way", || async {
            app.count("SELECT count(*) FROM chat_jobs WHERE kind = 'reconcile_tokens'").await == 1
        })
        .await;
        let body = json!({"currentPassword": GOOD, "newPassword": OTHER});
        let changed = here.put(routes::PASSWORD, body).await;
        here.keep(&changed);
        changed.status()
    };
    let (response, changed) = tokio::join!(late.login("ada@example.com", GOOD), changed);
    assert_eq!(changed, StatusCode::NO_CONTENT);
    failure(response, ErrorCode::InvalidCredentials).await;
    assert_eq!(
        here.session().await.status(),
        StatusCode::OK,
        "where it was changed they are still signed in"
    );
    app.eventually_over_time("the token that it got is revoked", || async {
        app.emulator.tokens(&id).await.is_empty() && app.count("SELECT count(*) FROM chat_jobs").await == 0
    })
    .await;
}
