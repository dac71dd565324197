//! The demo data and the echo bot.

use crate::helpers::*;
use cometchat_emulator::Config;
use serde_json::{Value, json};

const DEMO_USER: &str = "test-user-id";

fn demo() -> Emulator {
    Emulator::start_with(Config { demo: true, ..Config::default() })
}

#[tokio::test]
async fn demo_user_starts_with_conversations() {
    let emulator = demo();
    assert_eq!(emulator.rest("GET", "/users", json!(null)).await.data().as_array().unwrap().len(), 4);
    let conversations = emulator.rest_as(DEMO_USER, "GET", "/conversations", json!(null)).await;
    let with: Vec<_> = conversations
        .data()
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c["conversationWith"]["name"].clone())
        .collect();
    assert_eq!(with, ["Echo Bot", "Grace Hopper", "Ada Lovelace"]);
}

#[tokio::test]
async fn demo_bot_marks_a_message_read_and_echoes_it() {
    let emulator = demo();
    let text = json!({"receiver": "echo-bot", "receiverType": "user", "category": "message", "type": "text",
                      "data": {"text": "Is this thing on?"}});
    emulator.rest_as(DEMO_USER, "POST", "/messages", text).await.data();
    let is_echo =
        |message: &Value| message["sender"] == "echo-bot" && message["data"]["text"] == "Is this thing on?";
    let messages = |state: &Value| state["messages"].as_array().unwrap().clone();
    let state = emulator.wait_for("an echo", |state| messages(state).last().is_some_and(is_echo)).await;
    let [.., sent, _] = &messages(&state)[..] else { panic!("{state}") };
    assert!(sent["readAt"].as_u64().is_some(), "{sent}");
}

#[tokio::test]
async fn world_without_demo_starts_empty() {
    let emulator = Emulator::start();
    assert!(emulator.rest("GET", "/users", json!(null)).await.data().as_array().unwrap().is_empty());
}
