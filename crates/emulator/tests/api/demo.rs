//! The demo data and the echo bot.

use crate::helpers::*;
use cometchat_emulator::Config;
use serde_json::json;

const DEMO_USER: &str = "test-user-id";

async fn demo() -> Emulator {
    Emulator::start_with(Config { demo: true, ..Config::default() }).await
}

#[tokio::test]
async fn demo_user_starts_with_conversations() {
    let emulator = demo().await;
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
    let emulator = demo().await;
    let text = json!({"receiver": "echo-bot", "receiverType": "user", "category": "message", "type": "text",
                      "data": {"text": "Is this thing on?"}});
    emulator.rest_as(DEMO_USER, "POST", "/messages", text).await.data();
    let mut polls = tokio::time::interval(std::time::Duration::from_millis(20));
    let echoed = async {
        loop {
            polls.tick().await;
            let state = emulator.control("GET", "/state", json!(null)).await.body;
            let messages = state["messages"].as_array().unwrap();
            let [.., sent, reply] = &messages[..] else { panic!("{messages:?}") };
            if reply["sender"] == "echo-bot" && reply["data"]["text"] == "Is this thing on?" {
                return sent.clone();
            }
        }
    };
    let sent = tokio::time::timeout(TIMEOUT, echoed).await.expect("no echo");
    assert!(sent["readAt"].as_u64().is_some(), "{sent}");
}

#[tokio::test]
async fn world_without_demo_starts_empty() {
    let emulator = Emulator::start().await;
    assert!(emulator.rest("GET", "/users", json!(null)).await.data().as_array().unwrap().is_empty());
}
