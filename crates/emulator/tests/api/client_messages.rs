//! Client API: messages, history, unread counts and conversations.

use crate::helpers::{Emulator, Session, text_message};
use serde_json::{Value, json};

#[tokio::test]
async fn sent_message_has_every_field_the_sdk_reads() {
    let emulator = Emulator::start();
    let alice = emulator.login("alice").await;
    emulator.create_user("bob").await;
    let mut body = text_message("BOB", "hello");
    body["muid"] = json!("m-1");
    body["tags"] = json!(["t"]);
    body["data"]["metadata"] = json!({ "k": 1 });
    let sent = emulator.client(&alice, "POST", "/messages", body).await;
    let message = sent.data();
    assert_eq!(message["id"], "1");
    assert_eq!(message["conversationId"], "alice_user_bob");
    assert_eq!((&message["sender"], &message["receiver"]), (&json!("alice"), &json!("bob")));
    assert_eq!((&message["category"], &message["type"]), (&json!("message"), &json!("text")));
    assert_eq!((&message["muid"], &message["tags"]), (&json!("m-1"), &json!(["t"])));
    let data = &message["data"];
    assert_eq!((&data["text"], &data["metadata"]), (&json!("hello"), &json!({ "k": 1 })));
    assert_eq!(data["resource"], alice.resource.as_str());
    assert_eq!(data["entities"]["sender"]["entity"]["uid"], "alice");
    assert_eq!(data["entities"]["receiver"]["entityType"], "user");
    assert_eq!(data["entities"]["receiver"]["entity"]["conversationId"], "alice_user_bob");
    assert!(message["sentAt"].as_u64().unwrap() > 1_700_000_000 && message["updatedAt"] == message["sentAt"]);
}

#[tokio::test]
async fn invalid_message_is_rejected_and_not_stored() {
    let emulator = Emulator::start();
    let alice = emulator.login("alice").await;
    emulator.create_user("bob").await;
    let with = |field: &str, value: Value| {
        let mut body = text_message("bob", "hi");
        body[field] = value;
        body
    };
    for (body, code) in [
        (text_message("unknown", "hi"), "ERR_UID_NOT_FOUND"),
        (text_message("", "hi"), "ERR_BAD_REQUEST"),
        (text_message("bob", ""), "ERR_EMPTY_MESSAGE_TEXT"),
        (text_message("bob", " \n"), "ERR_EMPTY_MESSAGE_TEXT"),
        (with("receiverType", json!("group")), "ERR_GUID_NOT_FOUND"),
        (with("receiverType", json!("planet")), "ERR_BAD_REQUEST"),
        (with("type", Value::Null), "ERR_BAD_REQUEST"),
        (with("parentId", json!("77")), "ERR_MESSAGE_ID_NOT_FOUND"),
        (with("data", json!({ "text": "x".repeat(10_300) })), "ERR_BAD_REQUEST"),
        (with("extra", json!("x".repeat(65_600))), "ERR_BAD_REQUEST"),
    ] {
        let reply = emulator.client(&alice, "POST", "/messages", body).await;
        assert_eq!(reply.code(), code, "{}", reply.body);
    }
    assert_eq!(emulator.state().await["messages"], json!([]));
}

/// Returns the texts of one page, and its cursor.
async fn history_page(emulator: &Emulator, session: &Session, path: &str) -> (Vec<String>, Value) {
    let reply = emulator.client(session, "GET", path, Value::Null).await;
    let texts =
        reply.data().as_array().unwrap().iter().map(|m| m["data"]["text"].as_str().unwrap().to_owned());
    let texts: Vec<String> = texts.collect();
    assert_eq!(reply.body["meta"]["current"]["count"], texts.len());
    (texts, reply.body["meta"]["cursor"].clone())
}

#[tokio::test]
async fn history_cursor_walks_all_pages_in_both_directions() {
    let emulator = Emulator::start();
    let alice = emulator.login("alice").await;
    let bob = emulator.login("bob").await;
    emulator.create_user("carol").await;
    for n in 1..=5 {
        emulator
            .send_text(
                if n % 2 == 0 { &alice } else { &bob },
                if n % 2 == 0 { "bob" } else { "alice" },
                &n.to_string(),
            )
            .await;
        emulator.send_text(&alice, "carol", "other conversation").await;
    }
    let path = "/users/bob/messages?per_page=2&affix=prepend&withThreadSubscribed=true";
    let (texts, cursor) = history_page(&emulator, &alice, path).await;
    assert_eq!(texts, ["4", "5"]);
    assert_eq!(cursor["affix"], "prepend");
    // The SDK sends the id and the second, which is the same for all these messages.
    let next = format!("{path}&id={}&sentAt={}", cursor["id"].as_str().unwrap(), cursor["sentAt"]);
    let (texts, cursor) = history_page(&emulator, &alice, &next).await;
    assert_eq!(texts, ["2", "3"]);
    let (texts, cursor) =
        history_page(&emulator, &alice, &format!("{path}&id={}", cursor["id"].as_str().unwrap())).await;
    assert_eq!(texts, ["1"]);
    let first = cursor["id"].as_str().unwrap();
    let (texts, cursor) = history_page(&emulator, &alice, &format!("{path}&id={first}")).await;
    assert!(texts.is_empty() && cursor.is_null());

    let newer = format!("/users/bob/messages?per_page=3&affix=append&id={first}");
    let (texts, cursor) = history_page(&emulator, &alice, &newer).await;
    assert_eq!(texts, ["2", "3", "4"]);
    assert_eq!(cursor["affix"], "append");
    let rest = format!("/users/bob/messages?per_page=3&affix=append&id={}", cursor["id"].as_str().unwrap());
    assert_eq!(history_page(&emulator, &alice, &rest).await.0, ["5"]);
    assert_eq!(history_page(&emulator, &alice, "/messages?per_page=100").await.0.len(), 10);
    let unknown = emulator.client(&alice, "GET", "/users/unknown/messages", Value::Null).await;
    assert_eq!(unknown.code(), "ERR_UID_NOT_FOUND");
}

#[tokio::test]
async fn thread_has_its_own_history() {
    let emulator = Emulator::start();
    let alice = emulator.login("alice").await;
    let bob = emulator.login("bob").await;
    let carol = emulator.login("carol").await;
    let parent = emulator.send_text(&alice, "bob", "question").await;
    let thread = format!("/messages/{parent}/thread");
    let reply = emulator.client(&bob, "POST", &thread, text_message("alice", "answer")).await;
    assert_eq!(reply.data()["parentId"], parent.as_str());
    assert_eq!(history_page(&emulator, &alice, &thread).await.0, ["answer"]);
    let shown = emulator.client(&alice, "GET", &format!("/messages/{parent}"), Value::Null).await;
    assert_eq!(shown.data()["replyCount"], 1);
    let (texts, _) = history_page(&emulator, &alice, "/users/bob/messages?hideReplies=1").await;
    assert_eq!(texts, ["question"]);
    for (method, path) in [("GET", thread.clone()), ("GET", format!("/messages/{parent}")), ("POST", thread)]
    {
        let body = if method == "POST" { text_message("alice", "me too") } else { Value::Null };
        let foreign = emulator.client(&carol, method, &path, body).await;
        assert_eq!(foreign.code(), "ERR_MESSAGE_ID_NOT_FOUND", "{method} {path}");
    }
}

#[tokio::test]
async fn unread_count_lasts_until_messages_are_read() {
    let emulator = Emulator::start();
    let alice = emulator.login("alice").await;
    let bob = emulator.login("bob").await;
    let carol = emulator.login("carol").await;
    emulator.send_text(&alice, "bob", "1").await;
    emulator.send_text(&alice, "bob", "2").await;
    emulator.send_text(&carol, "bob", "3").await;
    let all = "/messages?receiverType=user&unread=1&count=1&hideMessagesFromBlockedUsers=0";
    let count = |uid: &str, count: u32| json!({ "entityType": "user", "entityId": uid, "count": count });
    let counts = emulator.client(&bob, "GET", all, Value::Null).await;
    assert_eq!(counts.data(), &json!([count("alice", 2), count("carol", 1)]));
    let one = emulator.client(&bob, "GET", "/users/carol/messages?unread=1&count=1", Value::Null).await;
    assert_eq!(one.data(), &json!([count("carol", 1)]));
    emulator.client(&bob, "POST", "/users/alice/conversation/delivered", json!({})).await.data();
    assert_eq!(emulator.client(&bob, "GET", all, Value::Null).await.data().as_array().unwrap().len(), 2);
    emulator.client(&bob, "POST", "/users/alice/conversation/read", json!({})).await.data();
    assert_eq!(emulator.client(&bob, "GET", all, Value::Null).await.data(), &json!([count("carol", 1)]));
    assert_eq!(emulator.client(&alice, "GET", all, Value::Null).await.data(), &json!([]));
}

#[tokio::test]
async fn conversations_are_listed_newest_first() {
    let emulator = Emulator::start();
    let alice = emulator.login("alice").await;
    let bob = emulator.login("bob").await;
    emulator.create_user("carol").await;
    let none = emulator.client(&alice, "GET", "/users/bob/conversation", Value::Null).await;
    assert_eq!(none.code(), "ERR_CONVERSATION_NOT_ACCESSIBLE");
    emulator.send_text(&alice, "carol", "1").await;
    emulator.send_text(&alice, "bob", "2").await;
    emulator.send_text(&bob, "alice", "3").await;
    let list = emulator.client(&alice, "GET", "/conversations?per_page=1&page=1", Value::Null).await;
    let conversation = &list.data()[0];
    assert_eq!(list.body["meta"]["pagination"]["total"], 2);
    assert_eq!(conversation["conversationType"], "user");
    assert_eq!(conversation["conversationWith"]["uid"], "bob");
    assert_eq!(conversation["unreadMessageCount"], "1");
    assert_eq!(conversation["lastMessage"]["data"]["text"], "3");
    let next = emulator.client(&alice, "GET", "/conversations?per_page=1&page=2", Value::Null).await;
    assert_eq!(next.field_of_each("conversationId"), ["alice_user_carol"]);
    let unread = emulator.client(&alice, "GET", "/conversations?unread=1", Value::Null).await;
    assert_eq!(unread.field_of_each("conversationId"), ["alice_user_bob"]);
    let one = emulator.client(&alice, "GET", "/users/bob/conversation", Value::Null).await;
    assert_eq!(one.data(), conversation);
    let groups = emulator.client(&alice, "GET", "/conversations?conversationType=group", Value::Null).await;
    assert_eq!(groups.data(), &json!([]));
}
