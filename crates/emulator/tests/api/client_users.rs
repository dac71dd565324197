//! Client API: login, logout, profile, settings and other users.

use crate::helpers::{Emulator, Session};
use serde_json::{Value, json};

#[tokio::test]
async fn login_returns_token_jwt_and_settings_for_this_host() {
    let emulator = Emulator::start();
    let session = emulator.login("alice").await;
    let body = json!({ "platform": "WEB", "deviceId": "emulator_1", "appInfo": { "version": "v4.2.0", "userAgent": "UA" } });
    let me = emulator.client(&session, "PUT", "/me", body).await;
    assert_eq!(me.data()["uid"], "alice");
    assert_eq!(me.data()["authToken"], session.token.as_str());
    assert_eq!(me.data()["jwt"], session.jwt.as_str());
    let settings = &me.data()["settings"];
    let port = emulator.url.rsplit(':').next().unwrap();
    assert_eq!(settings["CHAT_HOST"], "127.0.0.1");
    assert_eq!(settings["CHAT_WSS_PORT"], port);
    assert_eq!(settings["CLIENT_API_HOST"], format!("127.0.0.1:{port}"));
    assert_eq!((&settings["CHAT_API_VERSION"], &settings["APP_VERSION"]), (&json!("v3.0"), &json!(4)));
    assert_eq!(emulator.client(&session, "GET", "/settings", Value::Null).await.data(), settings);

    let token =
        emulator.rest("GET", &format!("/users/alice/auth_tokens/{}", session.token), Value::Null).await;
    assert_eq!((&token.data()["platform"], &token.data()["userAgent"]), (&json!("WEB"), &json!("UA")));
}

#[tokio::test]
async fn settings_name_the_host_of_the_request() {
    let emulator = Emulator::start();
    let session = emulator.login("a").await;
    for (host, name, port) in
        [("localhost:4000", "localhost", "4000"), ("[::1]:80", "[::1]", "80"), ("emulator", "emulator", "80")]
    {
        let headers = [("authToken", session.token.as_str()), ("host", host)];
        let settings = emulator.send("GET", "/v3.0/settings", &headers, "").await.unwrap();
        let shown = ["CLIENT_API_HOST", "CHAT_HOST", "CHAT_WSS_PORT"]
            .map(|key| settings.data()[key].as_str().unwrap());
        assert_eq!(shown, [host, name, port]);
    }
}

#[tokio::test]
async fn logout_revokes_only_the_token_of_the_caller() {
    let emulator = Emulator::start();
    let session = emulator.login("a").await;
    let other = emulator.login("a").await;
    let out = emulator.client(&session, "DELETE", "/me", Value::Null).await;
    assert_eq!(out.data(), &json!({ "success": true, "message": "User logged out successfully." }));
    let again = emulator.client(&session, "DELETE", "/me", Value::Null).await;
    assert_eq!((again.status, again.code()), (401, "AUTH_ERR_AUTH_TOKEN_NOT_FOUND"));
    emulator.client(&other, "GET", "/me", Value::Null).await.data();
}

#[tokio::test]
async fn user_can_change_own_profile_but_not_own_role() {
    let emulator = Emulator::start();
    let session = emulator.login("a").await;
    let change = json!({ "uid": "a", "name": "New", "statusMessage": "busy", "role": "admin" });
    let changed = emulator.client(&session, "PUT", "/me", change).await;
    assert_eq!(changed.data()["name"], "New");
    assert_eq!(changed.data()["role"], "default");
    // The SDK stores this response as its current user. Without token and JWT it could not open a
    // socket after a reload.
    assert_eq!(changed.data()["authToken"], session.token.as_str());
    assert_eq!(changed.data()["jwt"], session.jwt.as_str());
    assert_eq!(emulator.rest("GET", "/users/a", Value::Null).await.data()["statusMessage"], "busy");
}

async fn uids(emulator: &Emulator, session: &Session, query: &str) -> Vec<String> {
    let reply = emulator.client(session, "GET", &format!("/users?{query}"), Value::Null).await;
    let _ = &reply.body["meta"]["pagination"]["total"].as_u64().unwrap();
    reply.field_of_each("uid").into_iter().map(str::to_owned).collect()
}

#[tokio::test]
async fn user_list_excludes_the_caller_and_applies_filters() {
    let emulator = Emulator::start();
    let alice = emulator.login("alice").await;
    for (uid, name, tag) in [("bob", "Zed", "x"), ("carol", "Amy", "y")] {
        emulator.rest("POST", "/users", json!({ "uid": uid, "name": name, "tags": [tag] })).await.data();
    }
    let dave = emulator.login("dave").await;
    let _online = emulator.socket(&dave).await;
    for (query, expected) in [
        ("per_page=30&page=1", vec!["dave", "carol", "bob"]),
        ("per_page=2&page=1", vec!["dave", "carol"]),
        ("per_page=2&page=2", vec!["bob"]),
        ("per_page=2&page=3", vec![]),
        ("sortBy=name", vec!["carol", "dave", "bob"]),
        ("sortBy=name&sortOrder=desc", vec!["bob", "dave", "carol"]),
        ("sortBy=uid", vec!["bob", "carol", "dave"]),
        ("searchKey=ZE", vec!["bob"]),
        ("searchKey=bo&searchIn=uid", vec!["bob"]),
        ("searchKey=bo&searchIn=name", vec![]),
        ("searchKey=bo&searchIn=uid,name", vec!["bob"]),
        ("status=available", vec!["dave"]),
        ("status=offline", vec!["carol", "bob"]),
        ("roles=default", vec!["dave", "carol", "bob"]),
        ("roles=admin", vec![]),
        ("tags=x,z", vec!["bob"]),
        ("uids=carol,BOB", vec!["carol", "bob"]),
        ("friendsOnly=1", vec![]),
    ] {
        assert_eq!(uids(&emulator, &alice, query).await, expected, "{query}");
    }
    let tagged = emulator.client(&alice, "GET", "/users?tags=x&withTags=1", Value::Null).await;
    assert_eq!(tagged.data()[0]["tags"], json!(["x"]));
    assert!(
        emulator.client(&alice, "GET", "/users?tags=x", Value::Null).await.data()[0].get("tags").is_none()
    );
}

#[tokio::test]
async fn other_user_has_conversation_id_but_no_token() {
    let emulator = Emulator::start();
    let alice = emulator.login("alice").await;
    emulator.login("bob").await;
    let bob = emulator.client(&alice, "GET", "/users/BOB", Value::Null).await;
    assert_eq!(
        (&bob.data()["uid"], &bob.data()["conversationId"]),
        (&json!("bob"), &json!("alice_user_bob"))
    );
    for reply in [bob, emulator.client(&alice, "GET", "/users", Value::Null).await] {
        let text = reply.body.to_string();
        assert!(!text.contains("authToken") && !text.contains("jwt") && !text.contains("tokens"), "{text}");
    }
    let unknown = emulator.client(&alice, "GET", "/users/unknown", Value::Null).await;
    assert_eq!((unknown.status, unknown.code()), (404, "ERR_UID_NOT_FOUND"));
}

#[tokio::test]
async fn telemetry_call_gets_a_response() {
    let emulator = Emulator::start();
    let session = emulator.login("a").await;
    let sent = json!({ "sessionId": "abc", "data": {}, "generatedAt": 1 });
    let reply = emulator.client(&session, "POST", "/user_sessions", sent).await;
    assert_eq!(reply.data(), &json!({ "sessionId": "abc" }));
    let bearer = format!("Bearer {}", session.jwt);
    let ping = emulator.send("POST", "/v1/ping", &[("authorization", &bearer)], "{}").await.unwrap();
    assert!(ping.data().is_object());
}
