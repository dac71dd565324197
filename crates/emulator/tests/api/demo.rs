//! The world that newcomers find, and the control of sockets.

use crate::helpers::*;
use cometchat_emulator::Config;
use serde_json::json;

const DEMO: &str = "test-user-id";

async fn demo() -> Emulator {
    Emulator::start_with(Config { demo: true, ..Config::default() }).await
}

#[tokio::test]
async fn the_demo_user_has_people_and_conversations_from_the_start() {
    let emulator = demo().await;
    assert_eq!(emulator.rest("GET", "/users", json!(null)).await.data().as_array().unwrap().len(), 4);
    let conversations = emulator.rest_as(DEMO, "GET", "/conversations", json!(null)).await;
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
async fn the_bot_reads_what_it_is_told_and_says_it_back() {
    let emulator = demo().await;
    let text = json!({"receiver": "echo-bot", "receiverType": "user", "category": "message", "type": "text",
                      "data": {"text": "Is anybody there?"}});
    emulator.rest_as(DEMO, "POST", "/messages", text).await.data();
    let mut looks = tokio::time::interval(std::time::Duration::from_millis(20));
    let answered = async {
        loop {
            looks.tick().await;
            let state = emulator.control("GET", "/state", json!(null)).await.body;
            let messages = state["messages"].as_array().unwrap();
            let [.., said, answer] = &messages[..] else { panic!("{messages:?}") };
            if answer["sender"] == "echo-bot" && answer["data"]["text"] == "Is anybody there?" {
                return said.clone();
            }
        }
    };
    let said = tokio::time::timeout(PATIENCE, answered).await.expect("an answer");
    assert!(said["readAt"].as_u64().is_some(), "{said}");
}

#[tokio::test]
async fn without_being_asked_for_it_the_world_begins_empty() {
    let emulator = Emulator::start().await;
    assert!(emulator.rest("GET", "/users", json!(null)).await.data().as_array().unwrap().is_empty());
}
