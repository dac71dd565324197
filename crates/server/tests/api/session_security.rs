//! Tests against session fixation, stolen sessions, and misuse of an own session.

use crate::helpers::*;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use shared::{ErrorCode, LoginResponse, routes};
use std::collections::BTreeMap;
use std::time::Duration;

const GOOD: &str = "plum tractor yesterday";
const OTHER: &str = "carpet lantern november";

#[tokio::test(flavor = "multi_thread")]
async fn session_fixation_does_not_survive_login() {
    let app = TestApp::start().await;
    app.add_user("mallory", "mallory@example.com", "Mallory", Some(PASSWORD)).await;
    let mut mallory = app.browser();
    mallory.sign_in("mallory@example.com", PASSWORD).await;
    let name = mallory.cookie.clone().unwrap().split_once('=').unwrap().0.to_owned();
    let never_issued = format!("{name}={}", "A".repeat(43));
    for planted in [mallory.cookie.clone().unwrap(), never_issued] {
        let mut victim = app.browser_with(Some(planted.clone()));
        victim.sign_in(EMAIL, PASSWORD).await;
        assert_ne!(victim.cookie.as_deref(), Some(planted.as_str()));
        assert!(!app.browser_with(Some(planted)).is_signed_in().await);
        assert!(victim.is_signed_in().await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn instances_on_one_host_keep_separate_cookies() {
    let start =
        |url: &'static str| TestApp::start_with(move |config| config.public_url = url.parse().unwrap());
    let apps = [start("http://localhost:3000").await, start("http://localhost:3001").await];
    let mut jar = BTreeMap::new();
    for app in &apps {
        let mut browser = app.browser();
        browser.sign_in(EMAIL, PASSWORD).await;
        for cookie in [browser.cookie, browser.device].into_iter().flatten() {
            let (name, value) = cookie.split_once('=').unwrap();
            jar.insert(name.to_owned(), value.to_owned());
        }
    }
    // A browser sends the cookies of both to each, and replaces those of the same name.
    let all: Vec<_> = jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(all.len(), 4, "{all:?}");
    let browsers = apps.each_ref().map(|app| app.browser_with(Some(all.join("; "))));
    assert!(browsers[0].is_signed_in().await && browsers[1].is_signed_in().await);
    assert_eq!(browsers[0].logout().await.status(), StatusCode::NO_CONTENT);
    assert!(!browsers[0].is_signed_in().await && browsers[1].is_signed_in().await);
}

/// Asserts that no route accepts the cookie.
async fn opens_nothing(thief: &Browser) {
    let session = format!("{}/x", routes::SESSIONS);
    let responses: [Response; 9] = [
        thief.session().await,
        thief.chat_token(false).await,
        thief.chat_token(true).await,
        thief.get(routes::SESSIONS).await,
        thief.delete(routes::SESSIONS, json!({})).await,
        thief.delete(&session, json!({})).await,
        thief.put(routes::ACCOUNT, json!({"name": "Stolen"})).await,
        thief.put(routes::PASSWORD, json!({"currentPassword": GOOD, "newPassword": OTHER})).await,
        thief.delete(routes::ACCOUNT, json!({"password": GOOD})).await,
    ];
    for response in responses {
        failure(response, ErrorCode::NotSignedIn).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stolen_cookie_and_token_end_with_the_session() {
    let app = TestApp::start().await;
    app.add_user("ada", "ada@example.com", "Ada", Some(GOOD)).await;
    for end in ["sign-out", "new password", "expiry"] {
        let mut owner = app.browser();
        let response = owner.sign_in("ada@example.com", if end == "expiry" { OTHER } else { GOOD }).await;
        let thief = app.browser_with(owner.cookie.clone());
        assert!(thief.is_signed_in().await);
        match end {
            "sign-out" => assert_eq!(owner.logout().await.status(), StatusCode::NO_CONTENT),
            "new password" => {
                let mut elsewhere = app.browser();
                elsewhere.sign_in("ada@example.com", GOOD).await;
                let change = json!({"currentPassword": GOOD, "newPassword": OTHER});
                assert_eq!(elsewhere.put(routes::PASSWORD, change).await.status(), StatusCode::NO_CONTENT);
            }
            _ => app.clock.advance(DAY * 7),
        }
        opens_nothing(&thief).await;
        let token = response.cometchat_auth_token.unwrap();
        app.eventually_over_time("the chat token is revoked", || async {
            cometchat_auth::sessions::delete_expired(&app.db, app.clock.now(), 200).await.unwrap();
            !app.emulator.tokens("ada").await.iter().any(|live| live == token.expose())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn chat_token_cannot_be_minted_for_other_user() {
    let app = TestApp::start().await;
    app.add_user("victim", "victim@example.com", "Victim", Some(GOOD)).await;
    app.add_user("mallory", "mallory@example.com", "Mallory", Some(PASSWORD)).await;
    let mut mallory = app.browser();
    mallory.sign_in("mallory@example.com", PASSWORD).await;
    let names = ["uid", "id", "user", "userId", "user_id", "sub", "onBehalfOf", "email", "receiver"];

    for name in names {
        let mut login = json!({"email": "mallory@example.com", "password": PASSWORD});
        let mut register = json!({"email": "new@example.com", "password": GOOD, "name": "New"});
        let (mut token, mut rename) = (json!({"renew": true}), json!({"name": "Mallory"}));
        for body in [&mut login, &mut register, &mut token, &mut rename] {
            if body.get(name).is_none() {
                body[name] = json!("victim");
                body[name.to_uppercase()] = json!("victim");
            }
        }
        for (method, path, body) in [
            (Method::POST, routes::LOGIN, login),
            (Method::POST, routes::REGISTER, register),
            (Method::POST, routes::CHAT_TOKEN, token),
            (Method::PUT, routes::ACCOUNT, rename),
        ] {
            // In its own field, an absolute URL is a normal request target.
            if body.get(name.to_uppercase()).is_some() {
                let response = mallory.request(method, path).json(&body).send().await.unwrap();
                failure(response, ErrorCode::InvalidRequest).await;
            }
        }
    }

    let mint = |path: &str| mallory.request(Method::POST, path).json(&json!({"renew": true}));
    let mut responses =
        vec![mint(&format!("{}?uid=victim&id=victim", routes::CHAT_TOKEN)).send().await.unwrap()];
    for name in names.into_iter().chain(["x-user-id", "x-forwarded-user", "remote-user", "authorization"]) {
        responses.push(mint(routes::CHAT_TOKEN).header(name, "victim").send().await.unwrap());
        let cookies = format!("{}; {name}=victim", mallory.cookie.as_ref().unwrap());
        let other = app.browser_with(Some(cookies));
        responses.push(other.chat_token(true).await);
        // Above the limit per minute.
        app.clock.advance(Duration::from_secs(6));
    }
    for response in responses {
        assert_eq!(response.status(), StatusCode::OK);
        let token: Value = response.json().await.unwrap();
        assert!(token["cometchatAuthToken"].as_str().unwrap().starts_with("mallory"), "{token}");
    }
    for path in ["/victim", "/../victim/chat-token", "%2fvictim", ";uid=victim"] {
        let response = mint(&format!("{}{path}", routes::CHAT_TOKEN)).send().await.unwrap();
        failure(response, ErrorCode::NotFound).await;
    }
    assert!(app.emulator.tokens("victim").await.is_empty());
    let owner: LoginResponse = app.browser().sign_in("victim@example.com", GOOD).await;
    assert_eq!(owner.name, "Victim");
}
