use crate::helpers::Emulator;
use serde_json::{Value, json};

#[tokio::test]
async fn a_minted_token_signs_its_user_in() {
    let emulator = Emulator::start().await;
    emulator.create("alice").await;
    let reply = emulator.rest("POST", "/users/Alice/auth_tokens", json!({ "force": true })).await;
    assert_eq!(reply.data()["uid"], "alice");
    assert!(reply.data()["createdAt"].is_u64());
    let token = reply.data()["authToken"].as_str().unwrap();
    let me =
        emulator.send("PUT", "/v3.0/me", &[("authToken", token)], "{\"platform\":\"WEB\"}").await.unwrap();
    assert_eq!(me.data()["uid"], "alice");
    let nobody = emulator.rest("POST", "/users/nobody/auth_tokens", json!({ "force": true })).await;
    assert_eq!((nobody.status, nobody.code()), (404, "ERR_UID_NOT_FOUND"));
    let words = "The uid nobody not found. Make sure you have created a user with uid nobody";
    assert_eq!(nobody.body["error"]["message"], words);
}

#[tokio::test]
async fn without_force_an_existing_token_may_come_back() {
    let emulator = Emulator::start().await;
    emulator.create("a").await;
    let first = emulator.mint("a").await;
    for body in [Value::Null, json!({}), json!({ "force": false })] {
        let reply = emulator.rest("POST", "/users/a/auth_tokens", body).await;
        assert_eq!(reply.data()["authToken"], first.as_str());
    }
    assert_ne!(emulator.mint("a").await, first);
}

#[tokio::test]
async fn tokens_are_listed_shown_described_and_deleted() {
    let emulator = Emulator::start().await;
    emulator.create("a").await;
    emulator.create("b").await;
    let (one, two) = (emulator.mint("a").await, emulator.mint("a").await);
    let list = emulator.rest("GET", "/users/a/auth_tokens?perPage=1&page=2", Value::Null).await;
    assert_eq!(list.each("authToken"), [two.as_str()]);
    assert_eq!(list.body["meta"]["pagination"]["total"], 2);

    let path = format!("/users/a/auth_tokens/{one}");
    let device = json!({ "platform": "web", "userAgent": "UA", "appInfo": { "v": 1 } });
    emulator.rest("PUT", &path, device).await.data();
    let shown = emulator.rest("GET", &path, Value::Null).await;
    assert_eq!((&shown.data()["platform"], &shown.data()["appInfo"]), (&json!("web"), &json!({ "v": 1 })));

    let foreign = emulator.rest("DELETE", &format!("/users/b/auth_tokens/{one}"), Value::Null).await;
    assert_eq!((foreign.status, foreign.code()), (404, "ERR_AUTH_TOKEN_NOT_FOUND"));
    assert_eq!(emulator.rest("DELETE", &path, Value::Null).await.data()["success"], true);
    for method in ["GET", "DELETE"] {
        assert_eq!(emulator.rest(method, &path, Value::Null).await.code(), "ERR_AUTH_TOKEN_NOT_FOUND");
    }
    assert_eq!(
        emulator.rest("GET", "/users/a/auth_tokens", Value::Null).await.each("authToken"),
        [two.as_str()]
    );
}

#[tokio::test]
async fn all_tokens_of_a_user_are_deleted_at_once() {
    let emulator = Emulator::start().await;
    emulator.create("a").await;
    emulator.create("b").await;
    emulator.mint("a").await;
    emulator.mint("a").await;
    let other = emulator.mint("b").await;
    let cleared = emulator.rest("DELETE", "/users/a/auth_tokens", Value::Null).await;
    assert_eq!(cleared.data()["message"], "Cleared Auth Tokens successfully for uid a.");
    assert_eq!(emulator.rest("GET", "/users/a/auth_tokens", Value::Null).await.data(), &json!([]));
    assert_eq!(emulator.rest("GET", "/users/b/auth_tokens", Value::Null).await.each("authToken"), [other]);
}

#[tokio::test]
async fn the_hundred_and_first_token_ends_the_oldest() {
    let emulator = Emulator::start().await;
    emulator.create("a").await;
    let oldest = emulator.mint("a").await;
    for _ in 0..99 {
        emulator.mint("a").await;
    }
    let path = format!("/users/a/auth_tokens/{oldest}");
    assert_eq!(emulator.rest("GET", &path, Value::Null).await.status, 200);
    emulator.mint("a").await;
    assert_eq!(emulator.rest("GET", &path, Value::Null).await.code(), "ERR_AUTH_TOKEN_NOT_FOUND");
}
