use crate::helpers::{Emulator, Session};
use serde_json::{Value, json};

#[tokio::test]
async fn signing_in_answers_the_same_token_a_jwt_and_settings_with_this_host() {
    let emulator = Emulator::start().await;
    let session = emulator.sign_in("alice").await;
    let body = json!({ "platform": "WEB", "deviceId": "emulator_1", "appInfo": { "version": "v4.2.0", "userAgent": "UA" } });
    let me = emulator.client(&session, "PUT", "/me", body).await;
    assert_eq!(me.data()["uid"], "alice");
    assert_eq!(me.data()["authToken"], session.token.as_str());
    assert_eq!(me.data()["jwt"], session.jwt.as_str());
    let settings = &me.data()["settings"];
    let port = emulator.address.port().to_string();
    assert_eq!(settings["CHAT_HOST"], "127.0.0.1");
    assert_eq!(settings["CHAT_WSS_PORT"], port.as_str());
    assert_eq!(settings["CLIENT_API_HOST"], format!("127.0.0.1:{port}"));
    assert_eq!((&settings["CHAT_API_VERSION"], &settings["APP_VERSION"]), (&json!("v3.0"), &json!(4)));
    assert_eq!(emulator.client(&session, "GET", "/settings", Value::Null).await.data(), settings);

    let token =
        emulator.rest("GET", &format!("/users/alice/auth_tokens/{}", session.token), Value::Null).await;
    assert_eq!((&token.data()["platform"], &token.data()["userAgent"]), (&json!("WEB"), &json!("UA")));
}

#[tokio::test]
async fn the_settings_follow_the_host_that_was_asked() {
    let emulator = Emulator::start().await;
    let session = emulator.sign_in("a").await;
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
async fn signing_out_revokes_the_token_and_no_other() {
    let emulator = Emulator::start().await;
    let session = emulator.sign_in("a").await;
    let other = emulator.sign_in("a").await;
    let out = emulator.client(&session, "DELETE", "/me", Value::Null).await;
    assert_eq!(out.data(), &json!({ "success": true, "message": "User logged out successfully." }));
    let again = emulator.client(&session, "DELETE", "/me", Value::Null).await;
    assert_eq!((again.status, again.code()), (401, "AUTH_ERR_AUTH_TOKEN_NOT_FOUND"));
    emulator.client(&other, "GET", "/me", Value::Null).await.data();
}

#[tokio::test]
async fn a_user_changes_the_own_profile_but_not_the_role() {
    let emulator = Emulator::start().await;
    let session = emulator.sign_in("a").await;
    let change = json!({ "uid": "a", "name": "New", "statusMessage": "busy", "role": "admin" });
    let changed = emulator.client(&session, "PUT", "/me", change).await;
    assert_eq!(changed.data()["name"], "New");
    assert_eq!(changed.data()["role"], "default");
    // The SDK keeps this answer as its signed-in user: without them the next reload has no socket.
    assert_eq!(changed.data()["authToken"], session.token.as_str());
    assert_eq!(changed.data()["jwt"], session.jwt.as_str());
    assert_eq!(emulator.rest("GET", "/users/a", Value::Null).await.data()["statusMessage"], "busy");
}

async fn uids(emulator: &Emulator, session: &Session, query: &str) -> Vec<String> {
    let reply = emulator.client(session, "GET", &format!("/users?{query}"), Value::Null).await;
    let _ = &reply.body["meta"]["pagination"]["total"].as_u64().unwrap();
    reply.each("uid").into_iter().map(str::to_owned).collect()
}

#[tokio::test]
async fn the_list_has_everybody_but_the_caller_and_its_filters_work() {
    let emulator = Emulator::start().await;
    let alice = emulator.sign_in("alice").await;
    for (uid, name, tag) in [("bob", "Zed", "x"), ("carol", "Amy", "y")] {
        emulator.rest("POST", "/users", json!({ "uid": uid, "name": name, "tags": [tag] })).await.data();
    }
    let dave = emulator.sign_in("dave").await;
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
async fn another_user_is_shown_with_the_conversation_and_never_with_a_token() {
    let emulator = Emulator::start().await;
    let alice = emulator.sign_in("alice").await;
    emulator.sign_in("bob").await;
    let bob = emulator.client(&alice, "GET", "/users/BOB", Value::Null).await;
    assert_eq!(
        (&bob.data()["uid"], &bob.data()["conversationId"]),
        (&json!("bob"), &json!("alice_user_bob"))
    );
    for reply in [bob, emulator.client(&alice, "GET", "/users", Value::Null).await] {
        let text = reply.body.to_string();
        assert!(!text.contains("authToken") && !text.contains("jwt") && !text.contains("tokens"), "{text}");
    }
    let nobody = emulator.client(&alice, "GET", "/users/nobody", Value::Null).await;
    assert_eq!((nobody.status, nobody.code()), (404, "ERR_UID_NOT_FOUND"));
}

#[tokio::test]
async fn telemetry_is_answered() {
    let emulator = Emulator::start().await;
    let session = emulator.sign_in("a").await;
    let sent = json!({ "sessionId": "abc", "data": {}, "generatedAt": 1 });
    let reply = emulator.client(&session, "POST", "/user_sessions", sent).await;
    assert_eq!(reply.data(), &json!({ "sessionId": "abc" }));
    let bearer = format!("Bearer {}", session.jwt);
    let ping = emulator.send("POST", "/v1/ping", &[("authorization", &bearer)], "{}").await.unwrap();
    assert!(ping.data().is_object());
}
