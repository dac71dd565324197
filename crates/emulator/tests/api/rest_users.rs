//! REST API: users.

use crate::helpers::Emulator;
use serde_json::{Value, json};

#[tokio::test]
async fn created_user_has_exactly_the_fields_sent() {
    let emulator = Emulator::start();
    let sent = json!({
        "uid": "u-1_x", "name": "Ünal 🙂", "avatar": "https://example.com/a.png", "link": "https://example.com",
        "role": "default", "statusMessage": "here", "metadata": { "@private": { "email": "u@example.com" } }, "tags": ["vip"],
    });
    let created = emulator.rest("POST", "/users", sent.clone()).await;
    for (name, value) in sent.as_object().unwrap() {
        assert_eq!(&created.data()[name], value, "{name}");
    }
    assert_eq!(created.data()["status"], "offline");
    assert!(created.data()["createdAt"].as_u64().unwrap() > 1_700_000_000);

    let plain = emulator.rest("POST", "/users", json!({ "uid": "plain", "name": "Plain" })).await;
    let mut fields: Vec<&String> = plain.data().as_object().unwrap().keys().collect();
    fields.sort();
    assert_eq!(fields, ["createdAt", "name", "role", "status", "uid"]);
    assert_eq!(emulator.rest("GET", "/users/plain", Value::Null).await.data(), plain.data());
}

#[tokio::test]
async fn uid_lookup_ignores_case() {
    let emulator = Emulator::start();
    emulator.create_user("CometChat-UID-1").await;
    let found = emulator.rest("GET", "/users/COMETCHAT-uid-1", Value::Null).await;
    assert_eq!(found.data()["uid"], "cometchat-uid-1");
    let again = emulator.rest("POST", "/users", json!({ "uid": "cometchat-uid-1", "name": "x" })).await;
    assert_eq!((again.status, again.code()), (400, "ERR_UID_ALREADY_EXISTS"));
}

#[tokio::test]
async fn user_can_be_created_with_a_token() {
    let emulator = Emulator::start();
    let user = json!({ "uid": "a", "name": "A", "withAuthToken": true });
    let created = emulator.rest("POST", "/users", user).await;
    let token = created.data()["authToken"].as_str().unwrap();
    let tokens = emulator.rest("GET", "/users/a/auth_tokens", Value::Null).await;
    assert_eq!(tokens.field_of_each("authToken"), [token]);
}

#[tokio::test]
async fn user_over_a_limit_is_rejected_and_not_created() {
    let emulator = Emulator::start();
    let long = |n: usize| "x".repeat(n);
    for (body, code, field) in [
        (json!({ "name": "n" }), "ERR_BAD_REQUEST", "uid"),
        (json!({ "uid": "a" }), "ERR_BAD_REQUEST", "name"),
        (json!({ "uid": "a", "name": "" }), "ERR_BAD_REQUEST", "name"),
        (json!({ "uid": "a", "name": ["n"] }), "ERR_BAD_REQUEST", "name"),
        (json!({ "uid": "a", "name": long(101) }), "ERR_BAD_REQUEST", "name"),
        (json!({ "uid": long(101), "name": "n" }), "ERR_BAD_REQUEST", "uid"),
        (json!({ "uid": "a b", "name": "n" }), "ERR_INVALID_UID", ""),
        (json!({ "uid": "a@example.com", "name": "n" }), "ERR_INVALID_UID", ""),
        (json!({ "uid": "ü", "name": "n" }), "ERR_INVALID_UID", ""),
        (json!({ "uid": "a", "name": "n", "role": "admin" }), "ERR_ROLE_NOT_FOUND", ""),
        (json!({ "uid": "a", "name": "n", "avatar": "no url" }), "ERR_BAD_REQUEST", "avatar"),
        (
            json!({ "uid": "a", "name": "n", "link": format!("https://{}", long(3000)) }),
            "ERR_BAD_REQUEST",
            "link",
        ),
        (json!({ "uid": "a", "name": "n", "metadata": { "k": long(5200) } }), "ERR_BAD_REQUEST", "metadata"),
        (json!({ "uid": "a", "name": "n", "tags": vec!["t"; 26] }), "ERR_BAD_REQUEST", "tags"),
        (json!({ "uid": "a", "name": "n", "tags": [long(101)] }), "ERR_BAD_REQUEST", "tags"),
        (json!({ "uid": "a", "name": "n", "statusMessage": long(10_300) }), "ERR_BAD_REQUEST", "body"),
    ] {
        let reply = emulator.rest("POST", "/users", body.clone()).await;
        assert_eq!(reply.code(), code, "{body} -> {}", reply.body);
        assert!(reply.body["error"]["message"].is_string());
        if !field.is_empty() {
            assert!(reply.body["error"]["details"][field][0].is_string(), "{field}: {}", reply.body);
        }
    }
    assert_eq!(emulator.state().await["users"], json!([]));
}

#[tokio::test]
async fn body_that_is_not_a_json_object_is_a_bad_request() {
    let emulator = Emulator::start();
    let key = [("apikey", "emulator-rest-api-key")];
    for body in ["{", "[]", "null", "\"text\"", "<html>", "{\"uid\":\"a\",\"name\":\"\u{0}\"}"] {
        let reply = emulator.send("POST", "/v3/users", &key, body).await.unwrap();
        assert_eq!((reply.status, reply.code()), (400, "ERR_BAD_REQUEST"), "{body}");
    }
    let reply = emulator.send("POST", "/v3/users", &key, &" ".repeat(2 << 20)).await.unwrap();
    assert_eq!((reply.status, reply.code()), (400, "ERR_BAD_REQUEST"));
}

#[tokio::test]
async fn update_changes_named_fields_and_clears_unset_ones() {
    let emulator = Emulator::start();
    let user =
        json!({ "uid": "a", "name": "A", "avatar": "https://example.com/a.png", "metadata": { "k": 1 } });
    emulator.rest("POST", "/users", user).await.data();
    let updated = emulator.rest("PUT", "/users/a", json!({ "name": "B", "unset": ["metadata"] })).await;
    assert_eq!(updated.data()["name"], "B");
    assert_eq!(updated.data()["avatar"], "https://example.com/a.png");
    assert!(updated.data().get("metadata").is_none() && updated.data()["updatedAt"].is_u64());
    let empty = emulator.rest("PUT", "/users/a", json!({ "name": "" })).await;
    assert_eq!((empty.status, empty.code()), (400, "ERR_BAD_REQUEST"));
    let unknown = emulator.rest("PUT", "/users/unknown", json!({ "name": "B" })).await;
    assert_eq!((unknown.status, unknown.code()), (404, "ERR_UID_NOT_FOUND"));
}

#[tokio::test]
async fn user_list_supports_pages_and_search() {
    let emulator = Emulator::start();
    for uid in ["ann", "ben", "cleo"] {
        emulator.create_user(uid).await;
    }
    let page = emulator.rest("GET", "/users?perPage=2&page=2", Value::Null).await;
    assert_eq!(page.field_of_each("uid"), ["cleo"]);
    let pagination = json!({ "total": 3, "count": 1, "per_page": 2, "current_page": 2, "total_pages": 2 });
    assert_eq!(page.body["meta"]["pagination"], pagination);
    assert_eq!(emulator.rest("GET", "/users?perPage=2&page=3", Value::Null).await.data(), &json!([]));
    assert_eq!(emulator.rest("GET", "/users?searchKey=EN", Value::Null).await.field_of_each("uid"), ["ben"]);
    assert_eq!(
        emulator.rest("GET", "/users?searchKey=ben&searchIn=name", Value::Null).await.field_of_each("uid"),
        ["ben"]
    );
    assert_eq!(emulator.rest("GET", "/users?status=online", Value::Null).await.data(), &json!([]));
    assert_eq!(
        emulator.rest("GET", "/users?page=0&perPage=many", Value::Null).await.field_of_each("uid").len(),
        3
    );
}

#[tokio::test]
async fn deleted_user_is_not_found_but_keeps_the_uid() {
    let emulator = Emulator::start();
    emulator.create_user("a").await;
    let token = emulator.mint("a").await;
    let deleted = emulator.rest("DELETE", "/users/a", Value::Null).await;
    let message = json!({ "success": true, "message": "User with a has been deleted successfully." });
    assert_eq!(deleted.data(), &message);
    assert_eq!(emulator.rest("GET", "/users/a", Value::Null).await.code(), "ERR_UID_NOT_FOUND");
    assert_eq!(emulator.rest("POST", "/users/a/auth_tokens", json!({})).await.code(), "ERR_UID_NOT_FOUND");
    assert_eq!(emulator.rest("DELETE", "/users/a", Value::Null).await.code(), "ERR_UID_NOT_FOUND");
    let me = emulator.send("PUT", "/v3.0/me", &[("authToken", &token)], "{}").await.unwrap();
    assert_eq!(me.code(), "AUTH_ERR_AUTH_TOKEN_NOT_FOUND");
    let again = emulator.rest("POST", "/users", json!({ "uid": "a", "name": "A" })).await;
    assert_eq!(again.code(), "ERR_UID_ALREADY_EXISTS");
    assert_eq!(
        emulator.rest("GET", "/users?onlyDeactivated=1", Value::Null).await.field_of_each("uid"),
        ["a"]
    );
    assert_eq!(emulator.rest("GET", "/users", Value::Null).await.data(), &json!([]));
}

#[tokio::test]
async fn permanent_delete_removes_user_and_messages() {
    let emulator = Emulator::start();
    for permanent in [json!(true), json!("true")] {
        emulator.create_user("a").await;
        emulator.create_user("b").await;
        emulator.rest_as("a", "POST", "/messages", crate::helpers::text_message("b", "hi")).await.data();
        emulator.rest("DELETE", "/users/a", json!({ "permanent": permanent })).await.data();
        assert_eq!(emulator.state().await["messages"], json!([]));
        emulator.rest("DELETE", "/users/b", json!({ "permanent": true })).await.data();
        assert_eq!(emulator.state().await["users"], json!([]));
    }
}

#[tokio::test]
async fn users_can_be_deactivated_and_reactivated_in_bulk() {
    let emulator = Emulator::start();
    emulator.create_user("a").await;
    emulator.create_user("b").await;
    let off = emulator.rest("DELETE", "/users", json!({ "uidsToDeactivate": ["A", "b", "unknown"] })).await;
    assert_eq!(off.data(), &json!({ "deactivatedUids": ["a", "b"] }));
    assert_eq!(emulator.rest("GET", "/users/a", Value::Null).await.status, 404);
    let on = emulator.rest("PUT", "/users", json!({ "uidsToActivate": ["a"] })).await;
    assert_eq!(on.data(), &json!({ "nonDeactivatedUids": ["a"] }));
    assert_eq!(emulator.rest("GET", "/users", Value::Null).await.field_of_each("uid"), ["a"]);
    assert_eq!(
        emulator.rest("GET", "/users?withDeactivated=1", Value::Null).await.field_of_each("uid"),
        ["a", "b"]
    );
    assert_eq!(emulator.rest("PUT", "/users", json!({})).await.code(), "ERR_BAD_REQUEST");
}
