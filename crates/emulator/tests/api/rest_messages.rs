//! REST API: messages and conversations.

use crate::helpers::{Emulator, text_message};
use serde_json::{Value, json};

#[tokio::test]
async fn server_can_send_on_behalf_of_a_user() {
    let emulator = Emulator::start();
    emulator.create_user("alice").await;
    emulator.create_user("bob").await;
    // CometChat's own example has no category.
    let body = json!({ "receiver": "bob", "receiverType": "user", "type": "text", "data": { "text": "hi" } });
    let sent = emulator.rest_as("Alice", "POST", "/messages", body.clone()).await;
    let message = sent.data();
    assert_eq!(message["conversationId"], "alice_user_bob");
    assert_eq!((&message["sender"], &message["category"]), (&json!("alice"), &json!("message")));
    assert_eq!(message["data"]["entities"]["sender"]["entity"]["name"], "ALICE");

    let shown =
        emulator.rest("GET", &format!("/messages/{}", message["id"].as_str().unwrap()), Value::Null).await;
    assert_eq!(shown.data(), message);
    assert_eq!(emulator.rest("GET", "/messages/99", Value::Null).await.code(), "ERR_MESSAGE_ID_NOT_FOUND");
    assert_eq!(emulator.rest("GET", "/messages/x", Value::Null).await.code(), "ERR_MESSAGE_ID_NOT_FOUND");
    let nameless = emulator.rest("POST", "/messages", body).await;
    assert!(nameless.body["error"]["details"]["onBehalfOf"].is_array());
}

#[tokio::test]
async fn server_can_list_conversations_of_a_user() {
    let emulator = Emulator::start();
    emulator.create_user("alice").await;
    emulator.create_user("bob").await;
    emulator.rest_as("alice", "POST", "/messages", text_message("bob", "hi")).await.data();
    let list = emulator.rest_as("bob", "GET", "/conversations", Value::Null).await;
    assert_eq!(list.field_of_each("conversationId"), ["alice_user_bob"]);
    assert_eq!(list.data()[0]["unreadMessageCount"], "1");
    assert_eq!(
        emulator.rest_as("unknown", "GET", "/conversations", Value::Null).await.code(),
        "ERR_UID_NOT_FOUND"
    );
}
