//! What is pushed through sockets: messages, typing, receipts, presence.

use crate::helpers::{Emulator, text_to};
use serde_json::{Value, json};

#[tokio::test]
async fn a_message_reaches_all_sockets_of_both_sides_and_names_the_sending_tab() {
    let emulator = Emulator::start().await;
    let alice = emulator.sign_in("alice").await;
    let other_tab = emulator.other_tab(&alice);
    let bob = emulator.sign_in("bob").await;
    let carol = emulator.sign_in("carol").await;
    let mut sockets = [
        emulator.socket(&alice).await,
        emulator.socket(&other_tab).await,
        emulator.socket(&bob).await,
        emulator.socket(&emulator.other_tab(&bob)).await,
    ];
    let mut stranger = emulator.socket(&carol).await;
    let sent = emulator.client(&alice, "POST", "/messages", text_to("bob", "hi")).await;
    for socket in &mut sockets {
        let frame = socket.next().await;
        assert_eq!(frame["type"], "message");
        assert_eq!(&frame["body"], sent.data());
        // By this the SDK drops the echo in the tab that sent, and in no other.
        assert_eq!(frame["deviceId"], alice.resource.as_str());
        assert_eq!((&frame["sender"], &frame["receiver"]), (&json!("alice"), &json!("bob")));
        socket.has_nothing().await;
    }
    stranger.has_nothing().await;
}

#[tokio::test]
async fn a_message_of_a_server_carries_a_device_id_too() {
    let emulator = Emulator::start().await;
    let alice = emulator.sign_in("alice").await;
    emulator.create("bob").await;
    let mut socket = emulator.socket(&alice).await;
    emulator.rest_as("bob", "POST", "/messages", text_to("alice", "hi")).await.data();
    assert_eq!(socket.next().await["deviceId"], "rest-api");
}

#[tokio::test]
async fn typing_and_transient_messages_are_passed_on_under_the_true_sender() {
    let emulator = Emulator::start().await;
    let alice = emulator.sign_in("alice").await;
    let bob = emulator.sign_in("bob").await;
    let mut receiving = emulator.socket(&alice).await;
    let mut sending = emulator.socket(&bob).await;
    for (kind, body) in [
        ("typing_indicator", json!({ "action": "started", "user": { "uid": "mallory" } })),
        ("typing_indicator", json!({ "action": "ended", "user": { "uid": "mallory" } })),
        ("transient_message", json!({ "data": { "heart": 1 }, "user": { "uid": "mallory" } })),
    ] {
        let frame = json!({
            "appId": "emulator", "receiver": "alice", "receiverType": "user", "deviceId": "x",
            "type": kind, "sender": "mallory", "body": body,
        });
        sending.send(frame).await;
        let frame = receiving.next().await;
        assert_eq!((&frame["type"], &frame["sender"]), (&json!(kind), &json!("bob")));
        assert_eq!(frame["body"]["action"], body["action"]);
        assert_eq!(frame["body"]["data"], body["data"]);
        assert_eq!(frame["body"]["user"]["name"], "BOB");
        assert_eq!(frame["deviceId"], bob.resource.as_str());
    }
    sending.has_nothing().await;
}

#[tokio::test]
async fn a_socket_that_is_not_signed_in_can_do_nothing() {
    let emulator = Emulator::start().await;
    let alice = emulator.sign_in("alice").await;
    let bob = emulator.sign_in("bob").await;
    let mut watching = emulator.socket(&alice).await;
    let id = emulator.write(&alice, "bob", "hi").await;
    watching.next().await;
    let mut anonymous = emulator.connect().await;
    for (kind, body) in [
        ("typing_indicator", json!({ "action": "started" })),
        ("receipts", json!({ "action": "read", "messageId": id })),
    ] {
        let frame = json!({ "type": kind, "receiver": "alice", "receiverType": "user", "sender": bob.uid, "body": body });
        anonymous.send(frame).await;
    }
    anonymous.has_nothing().await;
    watching.has_nothing().await;
    assert!(emulator.state().await["messages"][0].get("readAt").is_none());
}

#[tokio::test]
async fn receipts_reach_the_sender_with_a_time_and_are_kept() {
    let emulator = Emulator::start().await;
    let alice = emulator.sign_in("alice").await;
    let bob = emulator.sign_in("bob").await;
    let mut sender = emulator.socket(&alice).await;
    let mut reader = emulator.socket(&bob).await;
    let id = emulator.write(&alice, "bob", "hi").await;
    sender.next().await;
    reader.next().await;
    // The SDK sends the id as it got it, or as a number.
    for (action, message, field) in
        [("delivered", json!(id), "deliveredAt"), ("read", json!(id.parse::<u64>().unwrap()), "readAt")]
    {
        let frame = json!({
            "appId": "emulator", "receiver": "alice", "receiverType": "user", "deviceId": bob.resource, "type": "receipts",
            "sender": "bob", "messageSender": "alice", "body": { "action": action, "messageId": message },
        });
        reader.send(frame).await;
        let frame = sender.next().await;
        assert_eq!((&frame["type"], &frame["body"]["action"]), (&json!("receipts"), &json!(action)));
        assert_eq!((&frame["body"]["messageId"], &frame["body"]["user"]["uid"]), (&json!(id), &json!("bob")));
        assert_eq!(frame["deviceId"], bob.resource.as_str());
        let at = &frame["body"]["timestamp"];
        assert!(at.as_u64().unwrap() > 1_700_000_000);
        let path = format!("/messages/{id}");
        assert_eq!(&emulator.client(&alice, "GET", &path, Value::Null).await.data()[field], at);
        assert_eq!(&emulator.client(&bob, "GET", &path, Value::Null).await.data()["myReceipt"][field], at);
    }
    reader.has_nothing().await;
}

#[tokio::test]
async fn reading_a_conversation_over_http_tells_the_sender() {
    let emulator = Emulator::start().await;
    let alice = emulator.sign_in("alice").await;
    let bob = emulator.sign_in("bob").await;
    let mut sender = emulator.socket(&alice).await;
    emulator.write(&alice, "bob", "one").await;
    let last = emulator.write(&alice, "bob", "two").await;
    sender.next().await;
    sender.next().await;
    emulator.client(&bob, "POST", "/users/Alice/conversation/read", json!({})).await.data();
    let frame = sender.next().await;
    assert_eq!((&frame["body"]["action"], &frame["body"]["messageId"]), (&json!("read"), &json!(last)));
    let nobody = emulator.client(&bob, "POST", "/users/nobody/conversation/read", json!({})).await;
    assert_eq!(nobody.code(), "ERR_UID_NOT_FOUND");
}

#[tokio::test]
async fn presence_is_told_with_the_first_and_the_last_socket_of_a_user() {
    let emulator = Emulator::start().await;
    let alice = emulator.sign_in("alice").await;
    let bob = emulator.sign_in("bob").await;
    let mut watching = emulator.socket_with(&alice, json!({ "presenceSubscription": "ALL_USERS" })).await;
    let first = emulator.socket(&bob).await;
    let frame = watching.next().await;
    assert_eq!((&frame["type"], &frame["sender"]), (&json!("presence"), &json!("bob")));
    assert_eq!(frame["body"]["action"], "online");
    assert_eq!(
        (&frame["body"]["user"]["uid"], &frame["body"]["user"]["status"]),
        (&json!("bob"), &json!("online"))
    );
    assert!(frame["body"]["timestamp"].is_u64());

    let second = emulator.socket(&emulator.other_tab(&bob)).await;
    first.close().await;
    emulator.until("one socket of bob", |state| state["sockets"].as_array().unwrap().len() == 2).await;
    watching.has_nothing().await;
    second.close().await;
    let frame = watching.next().await;
    assert_eq!(
        (&frame["body"]["action"], &frame["body"]["user"]["status"]),
        (&json!("offline"), &json!("offline"))
    );
}

#[tokio::test]
async fn only_those_who_subscribed_see_presence() {
    let emulator = Emulator::start().await;
    let alice = emulator.sign_in("alice").await;
    let bob = emulator.sign_in("bob").await;
    let mut told =
        emulator.socket_with(&alice, json!({ "presenceSubscription": "ROLES", "roles": ["default"] })).await;
    let mut untold = [
        emulator.socket_with(&alice, json!({ "presenceSubscription": "ROLES", "roles": ["admin"] })).await,
        emulator.socket_with(&alice, json!({ "presenceSubscription": "FRIENDS" })).await,
        emulator.socket(&alice).await,
    ];
    let mut own = emulator.socket_with(&bob, json!({ "presenceSubscription": "ALL_USERS" })).await;
    assert_eq!(told.next().await["body"]["user"]["uid"], "bob");
    for socket in &mut untold {
        socket.has_nothing().await;
    }
    own.has_nothing().await;
}
