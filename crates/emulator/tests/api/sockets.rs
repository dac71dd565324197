//! Sockets: authentication, ping and close.

use crate::helpers::{Emulator, auth_frame};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

#[tokio::test]
async fn state_shows_sockets_before_and_after_authentication() {
    let emulator = Emulator::start();
    let session = emulator.login("alice").await;
    let mut socket = emulator.connect().await;
    let anonymous = json!([{ "uid": null, "authenticated": false, "deviceId": null }]);
    emulator.wait_for("an open socket", |state| state["sockets"] == anonymous).await;
    socket.send(auth_frame(&session, json!({}))).await;
    // The code must be a string, or the SDK takes it for an error.
    assert_eq!(socket.next().await, json!({ "type": "auth", "body": { "code": "200", "status": "OK" } }));
    let sockets = json!([{ "uid": "alice", "authenticated": true, "deviceId": session.resource }]);
    assert_eq!(emulator.state().await["sockets"], sockets);
    assert_eq!(emulator.state().await["users"][0]["status"], "online");
    socket.close().await;
    emulator.wait_for("no socket", |state| state["sockets"] == json!([])).await;
    let user = emulator.rest("GET", "/users/alice", Value::Null).await;
    assert_eq!(user.data()["status"], "offline");
    assert!(user.data()["lastActiveAt"].is_u64());
}

#[tokio::test]
async fn mismatched_authentication_is_rejected_and_closed() {
    let emulator = Emulator::start();
    let alice = emulator.login("alice").await;
    emulator.create_user("bob").await;
    let changed = |path: &str, value: &str| {
        let mut frame = auth_frame(&alice, json!({}));
        *frame.pointer_mut(path).unwrap() = json!(value);
        frame
    };
    for frame in [
        changed("/body/auth", "wrong"),
        changed("/body/auth", ""),
        changed("/body/auth", &alice.token),
        changed("/sender", "bob"),
        changed("/appId", "other"),
    ] {
        let mut socket = emulator.connect().await;
        socket.send(frame).await;
        assert_eq!(
            socket.next().await,
            json!({ "type": "auth", "body": { "code": "401", "status": "UNAUTHORIZED" } })
        );
        socket.close_reason().await;
    }
}

#[tokio::test]
async fn ping_gets_a_pong_and_invalid_frames_are_ignored() {
    let emulator = Emulator::start();
    let session = emulator.login("a").await;
    let mut socket = emulator.socket(&session).await;
    for invalid in ["", "no json", "[]", "7", "{}", r#"{"type":7}"#, r#"{"type":"unknown","body":null}"#] {
        socket.send_raw(Message::text(invalid)).await;
    }
    socket.send_raw(Message::binary(vec![0, 1, 2])).await;
    socket.send(json!({ "type": "receipts", "body": { "action": "read", "messageId": "99" } })).await;
    socket
        .send(
            json!({ "type": "typing_indicator", "receiverType": "user", "receiver": "unknown", "body": {} }),
        )
        .await;
    socket.expect_no_frame().await;
}

#[tokio::test]
async fn second_authentication_does_not_change_the_user() {
    let emulator = Emulator::start();
    let alice = emulator.login("alice").await;
    let bob = emulator.login("bob").await;
    let mut socket = emulator.socket(&alice).await;
    socket.send(auth_frame(&bob, json!({}))).await;
    socket.expect_no_frame().await;
    assert_eq!(emulator.state().await["sockets"][0]["uid"], "alice");
}

#[tokio::test]
async fn token_revocation_closes_only_its_own_sockets() {
    let emulator = Emulator::start();
    let one = emulator.login("alice").await;
    let two = emulator.login("alice").await;
    let mut sockets = [emulator.socket(&one).await, emulator.socket(&emulator.other_tab(&one)).await];
    let mut other = emulator.socket(&two).await;
    emulator.rest("DELETE", &format!("/users/alice/auth_tokens/{}", one.token), Value::Null).await.data();
    for socket in &mut sockets {
        assert_eq!(socket.close_reason().await, "The auth token was revoked");
    }
    other.expect_no_frame().await;
    let mut again = emulator.connect().await;
    again.send(auth_frame(&one, json!({}))).await;
    assert_eq!(again.next().await["body"]["code"], "401");
}

#[tokio::test]
async fn every_end_of_a_token_closes_its_socket() {
    let emulator = Emulator::start();
    for end in ["me", "one", "all", "deactivate", "delete", "hundred", "reset"] {
        let session = emulator.login("alice").await;
        let mut socket = emulator.socket(&session).await;
        match end {
            "me" => drop(emulator.client(&session, "DELETE", "/me", Value::Null).await),
            "one" => {
                let path = format!("/users/alice/auth_tokens/{}", session.token);
                emulator.rest("DELETE", &path, Value::Null).await.data();
            }
            "all" => drop(emulator.rest("DELETE", "/users/alice/auth_tokens", Value::Null).await),
            "deactivate" => {
                emulator.rest("DELETE", "/users", json!({ "uidsToDeactivate": ["alice"] })).await.data();
                emulator.rest("PUT", "/users", json!({ "uidsToActivate": ["alice"] })).await.data();
            }
            "delete" => drop(emulator.rest("DELETE", "/users/alice", json!({ "permanent": true })).await),
            "hundred" => {
                for _ in 0..100 {
                    emulator.mint("alice").await;
                }
            }
            _ => drop(emulator.control("POST", "/reset", Value::Null).await),
        }
        assert_ne!(socket.close_reason().await, "", "{end}");
    }
}
