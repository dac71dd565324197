//! Events that the emulator pushes to sockets: messages, typing, receipts and presence.

use crate::helpers::{Emulator, text_message};
use serde_json::{Value, json};

#[tokio::test]
async fn message_is_pushed_to_all_sockets_of_both_users() {
    let emulator = Emulator::start();
    let alice = emulator.login("alice").await;
    let other_tab = emulator.other_tab(&alice);
    let bob = emulator.login("bob").await;
    let carol = emulator.login("carol").await;
    let mut sockets = [
        emulator.socket(&alice).await,
        emulator.socket(&other_tab).await,
        emulator.socket(&bob).await,
        emulator.socket(&emulator.other_tab(&bob)).await,
    ];
    let mut stranger = emulator.socket(&carol).await;
    let sent = emulator.client(&alice, "POST", "/messages", text_message("bob", "hi")).await;
    for socket in &mut sockets {
        let frame = socket.next().await;
        assert_eq!(frame["type"], "message");
        assert_eq!(&frame["body"], sent.data());
        // The sending tab recognizes its own device id and drops the echo.
        assert_eq!(frame["deviceId"], alice.resource.as_str());
        assert_eq!((&frame["sender"], &frame["receiver"]), (&json!("alice"), &json!("bob")));
        socket.expect_no_frame().await;
    }
    stranger.expect_no_frame().await;
}

#[tokio::test]
async fn message_from_a_server_has_a_device_id() {
    let emulator = Emulator::start();
    let alice = emulator.login("alice").await;
    emulator.create_user("bob").await;
    let mut socket = emulator.socket(&alice).await;
    emulator.rest_as("bob", "POST", "/messages", text_message("alice", "hi")).await.data();
    assert_eq!(socket.next().await["deviceId"], "rest-api");
}

#[tokio::test]
async fn relayed_frame_names_the_user_of_the_socket_as_sender() {
    let emulator = Emulator::start();
    let alice = emulator.login("alice").await;
    let bob = emulator.login("bob").await;
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
    sending.expect_no_frame().await;
}

#[tokio::test]
async fn unauthenticated_socket_cannot_send_frames() {
    let emulator = Emulator::start();
    let alice = emulator.login("alice").await;
    let bob = emulator.login("bob").await;
    let mut watching = emulator.socket(&alice).await;
    let id = emulator.send_text(&alice, "bob", "hi").await;
    watching.next().await;
    let mut anonymous = emulator.connect().await;
    for (kind, body) in [
        ("typing_indicator", json!({ "action": "started" })),
        ("receipts", json!({ "action": "read", "messageId": id })),
    ] {
        let frame = json!({ "type": kind, "receiver": "alice", "receiverType": "user", "sender": bob.uid, "body": body });
        anonymous.send(frame).await;
    }
    anonymous.expect_no_frame().await;
    watching.expect_no_frame().await;
    assert!(emulator.state().await["messages"][0].get("readAt").is_none());
}

#[tokio::test]
async fn receipt_is_stored_and_pushed_to_the_sender() {
    let emulator = Emulator::start();
    let alice = emulator.login("alice").await;
    let bob = emulator.login("bob").await;
    let mut sender = emulator.socket(&alice).await;
    let mut reader = emulator.socket(&bob).await;
    let id = emulator.send_text(&alice, "bob", "hi").await;
    sender.next().await;
    reader.next().await;
    // The SDK sends the id as text or as a number.
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
    reader.expect_no_frame().await;
}

#[tokio::test]
async fn conversation_read_over_http_pushes_a_receipt() {
    let emulator = Emulator::start();
    let alice = emulator.login("alice").await;
    let bob = emulator.login("bob").await;
    let mut sender = emulator.socket(&alice).await;
    emulator.send_text(&alice, "bob", "one").await;
    let last = emulator.send_text(&alice, "bob", "two").await;
    sender.next().await;
    sender.next().await;
    emulator.client(&bob, "POST", "/users/Alice/conversation/read", json!({})).await.data();
    let frame = sender.next().await;
    assert_eq!((&frame["body"]["action"], &frame["body"]["messageId"]), (&json!("read"), &json!(last)));
    let unknown = emulator.client(&bob, "POST", "/users/unknown/conversation/read", json!({})).await;
    assert_eq!(unknown.code(), "ERR_UID_NOT_FOUND");
}

#[tokio::test]
async fn presence_changes_with_first_and_last_socket_only() {
    let emulator = Emulator::start();
    let alice = emulator.login("alice").await;
    let bob = emulator.login("bob").await;
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
    emulator.wait_for("one socket of bob", |state| state["sockets"].as_array().unwrap().len() == 2).await;
    watching.expect_no_frame().await;
    second.close().await;
    let frame = watching.next().await;
    assert_eq!(
        (&frame["body"]["action"], &frame["body"]["user"]["status"]),
        (&json!("offline"), &json!("offline"))
    );
}

#[tokio::test]
async fn presence_is_pushed_to_subscribers_only() {
    let emulator = Emulator::start();
    let alice = emulator.login("alice").await;
    let bob = emulator.login("bob").await;
    let mut subscribed =
        emulator.socket_with(&alice, json!({ "presenceSubscription": "ROLES", "roles": ["default"] })).await;
    let mut unsubscribed = [
        emulator.socket_with(&alice, json!({ "presenceSubscription": "ROLES", "roles": ["admin"] })).await,
        emulator.socket_with(&alice, json!({ "presenceSubscription": "FRIENDS" })).await,
        emulator.socket(&alice).await,
    ];
    let mut own = emulator.socket_with(&bob, json!({ "presenceSubscription": "ALL_USERS" })).await;
    assert_eq!(subscribed.next().await["body"]["user"]["uid"], "bob");
    for socket in &mut unsubscribed {
        socket.expect_no_frame().await;
    }
    own.expect_no_frame().await;
}
