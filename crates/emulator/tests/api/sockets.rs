//! Connections: authentication, ping, closing.

use crate::helpers::{Emulator, auth_frame};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

#[tokio::test]
async fn a_socket_is_shown_before_and_after_it_is_authenticated() {
    let emulator = Emulator::start().await;
    let session = emulator.sign_in("alice").await;
    let mut socket = emulator.connect().await;
    let nobody = json!([{ "uid": null, "authenticated": false, "deviceId": null }]);
    emulator.until("an open socket", |state| state["sockets"] == nobody).await;
    socket.send(auth_frame(&session, json!({}))).await;
    // The code is text, or the SDK takes it for a refusal.
    assert_eq!(socket.next().await, json!({ "type": "auth", "body": { "code": "200", "status": "OK" } }));
    let sockets = json!([{ "uid": "alice", "authenticated": true, "deviceId": session.resource }]);
    assert_eq!(emulator.state().await["sockets"], sockets);
    assert_eq!(emulator.state().await["users"][0]["status"], "online");
    socket.close().await;
    emulator.until("no socket", |state| state["sockets"] == json!([])).await;
    let user = emulator.rest("GET", "/users/alice", Value::Null).await;
    assert_eq!(user.data()["status"], "offline");
    assert!(user.data()["lastActiveAt"].is_u64());
}

#[tokio::test]
async fn an_authentication_that_does_not_fit_is_refused_and_closed() {
    let emulator = Emulator::start().await;
    let alice = emulator.sign_in("alice").await;
    emulator.create("bob").await;
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
        socket.closed().await;
    }
}

#[tokio::test]
async fn a_ping_is_answered_and_nonsense_is_not() {
    let emulator = Emulator::start().await;
    let session = emulator.sign_in("a").await;
    let mut socket = emulator.socket(&session).await;
    for nonsense in ["", "no json", "[]", "7", "{}", r#"{"type":7}"#, r#"{"type":"unknown","body":null}"#] {
        socket.send_raw(Message::text(nonsense)).await;
    }
    socket.send_raw(Message::binary(vec![0, 1, 2])).await;
    socket.send(json!({ "type": "receipts", "body": { "action": "read", "messageId": "99" } })).await;
    socket
        .send(json!({ "type": "typing_indicator", "receiverType": "user", "receiver": "nobody", "body": {} }))
        .await;
    socket.has_nothing().await;
}

#[tokio::test]
async fn a_second_authentication_does_not_change_whose_the_socket_is() {
    let emulator = Emulator::start().await;
    let alice = emulator.sign_in("alice").await;
    let bob = emulator.sign_in("bob").await;
    let mut socket = emulator.socket(&alice).await;
    socket.send(auth_frame(&bob, json!({}))).await;
    socket.has_nothing().await;
    assert_eq!(emulator.state().await["sockets"][0]["uid"], "alice");
}

#[tokio::test]
async fn revoking_a_token_closes_its_sockets_and_no_others() {
    let emulator = Emulator::start().await;
    let one = emulator.sign_in("alice").await;
    let two = emulator.sign_in("alice").await;
    let mut sockets = [emulator.socket(&one).await, emulator.socket(&emulator.other_tab(&one)).await];
    let mut other = emulator.socket(&two).await;
    emulator.rest("DELETE", &format!("/users/alice/auth_tokens/{}", one.token), Value::Null).await.data();
    for socket in &mut sockets {
        assert_eq!(socket.closed().await, "The auth token was revoked");
    }
    other.has_nothing().await;
    let mut again = emulator.connect().await;
    again.send(auth_frame(&one, json!({}))).await;
    assert_eq!(again.next().await["body"]["code"], "401");
}

#[tokio::test]
async fn whatever_ends_a_token_closes_the_socket() {
    let emulator = Emulator::start().await;
    for end in ["me", "one", "all", "deactivate", "delete", "hundred", "reset"] {
        let session = emulator.sign_in("alice").await;
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
        assert_ne!(socket.closed().await, "", "{end}");
    }
}
