//! REST API: auth tokens.

use crate::helpers::Emulator;
use serde_json::{Value, json};

#[tokio::test]
async fn minted_token_logs_its_user_in() {
    let emulator = Emulator::start();
    emulator.create_user("alice").await;
    let reply = emulator.rest("POST", "/users/Alice/auth_tokens", json!({ "force": true })).await;
    assert_eq!(reply.data()["uid"], "alice");
    assert!(reply.data()["createdAt"].is_u64());
    let token = reply.data()["authToken"].as_str().unwrap();
    let me =
        emulator.send("PUT", "/v3.0/me", &[("authToken", token)], "{\"platform\":\"WEB\"}").await.unwrap();
    assert_eq!(me.data()["uid"], "alice");
    let unknown = emulator.rest("POST", "/users/unknown/auth_tokens", json!({ "force": true })).await;
    assert_eq!((unknown.status, unknown.code()), (404, "ERR_UID_NOT_FOUND"));
    let message = "The uid unknown not found. Make sure you have created a user with uid unknown";
    assert_eq!(unknown.body["error"]["message"], message);
}

#[tokio::test]
async fn mint_without_force_returns_the_existing_token() {
    let emulator = Emulator::start();
    emulator.create_user("a").await;
    let first = emulator.mint("a").await;
    for body in [Value::Null, json!({}), json!({ "force": false })] {
        let reply = emulator.rest("POST", "/users/a/auth_tokens", body).await;
        assert_eq!(reply.data()["authToken"], first.as_str());
    }
    assert_ne!(emulator.mint("a").await, first);
}

#[tokio::test]
async fn token_can_be_listed_read_updated_and_deleted() {
    let emulator = Emulator::start();
    emulator.create_user("a").await;
    emulator.create_user("b").await;
    let (one, two) = (emulator.mint("a").await, emulator.mint("a").await);
    let list = emulator.rest("GET", "/users/a/auth_tokens?perPage=1&page=2", Value::Null).await;
    assert_eq!(list.field_of_each("authToken"), [two.as_str()]);
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
        emulator.rest("GET", "/users/a/auth_tokens", Value::Null).await.field_of_each("authToken"),
        [two.as_str()]
    );
}

#[tokio::test]
async fn delete_all_tokens_leaves_other_users_theirs() {
    let emulator = Emulator::start();
    emulator.create_user("a").await;
    emulator.create_user("b").await;
    emulator.mint("a").await;
    emulator.mint("a").await;
    let other = emulator.mint("b").await;
    let cleared = emulator.rest("DELETE", "/users/a/auth_tokens", Value::Null).await;
    assert_eq!(cleared.data()["message"], "Cleared Auth Tokens successfully for uid a.");
    assert_eq!(emulator.rest("GET", "/users/a/auth_tokens", Value::Null).await.data(), &json!([]));
    assert_eq!(
        emulator.rest("GET", "/users/b/auth_tokens", Value::Null).await.field_of_each("authToken"),
        [other]
    );
}

#[tokio::test]
async fn mint_of_the_101st_token_revokes_the_oldest() {
    let emulator = Emulator::start();
    emulator.create_user("a").await;
    let oldest = emulator.mint("a").await;
    for _ in 0..99 {
        emulator.mint("a").await;
    }
    let path = format!("/users/a/auth_tokens/{oldest}");
    assert_eq!(emulator.rest("GET", &path, Value::Null).await.status, 200);
    emulator.mint("a").await;
    assert_eq!(emulator.rest("GET", &path, Value::Null).await.code(), "ERR_AUTH_TOKEN_NOT_FOUND");
}
