//! Faults: matching, each kind, and rejection of invalid ones.

use crate::helpers::{Emulator, Socket, auth_frame, with_timeout};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_tungstenite::connect_async;

const KEY: [(&str, &str); 1] = [("apikey", "emulator-rest-api-key")];

#[tokio::test]
async fn status_fault_applies_to_the_requested_number_of_calls() {
    let emulator = Emulator::start();
    let added = json!({ "api": "rest", "kind": "status", "status": 503, "code": "ERR_X", "retryAfter": 7, "times": 2 });
    let reply = emulator.control("POST", "/faults", added.clone()).await;
    assert_eq!((reply.status, &reply.body), (200, &json!({ "id": 1 })));
    let mut listed = added;
    listed["id"] = json!(1);
    assert_eq!(emulator.control("GET", "/faults", Value::Null).await.body, json!([listed]));
    for _ in 0..2 {
        let reply = emulator.rest("GET", "/users", Value::Null).await;
        assert_eq!((reply.status, reply.code(), reply.header("retry-after")), (503, "ERR_X", "7"));
        assert_eq!(reply.header("access-control-allow-origin"), "*");
    }
    emulator.rest("GET", "/users", Value::Null).await.data();
    assert_eq!(emulator.control("GET", "/faults", Value::Null).await.body, json!([]));
}

#[tokio::test]
async fn fault_affects_only_matching_calls() {
    let emulator = Emulator::start();
    let session = emulator.login("a").await;
    emulator.add_fault(json!({ "api": "rest", "method": "POST", "path": "/auth_tokens", "kind": "status", "status": 500 })).await;
    emulator.rest("GET", "/users/a/auth_tokens", Value::Null).await.data();
    emulator.create_user("b").await;
    emulator.client(&session, "GET", "/users", Value::Null).await.data();
    assert_eq!(emulator.rest("POST", "/users/a/auth_tokens", json!({})).await.status, 500);
    emulator.control("DELETE", "/faults", Value::Null).await;
    emulator.rest("POST", "/users/a/auth_tokens", json!({})).await.data();

    emulator.add_fault(json!({ "api": "client", "kind": "status", "status": 200 })).await;
    let reply = emulator.client(&session, "GET", "/users", Value::Null).await;
    assert_eq!((reply.status, reply.code()), (200, "ERR_EXCEPTION"));
    emulator.rest("GET", "/users", Value::Null).await.data();
}

#[tokio::test]
async fn garbage_fault_responds_200_without_json() {
    let emulator = Emulator::start();
    emulator.add_fault(json!({ "api": "all", "kind": "garbage", "times": 1 })).await;
    let reply = emulator.rest("GET", "/users", Value::Null).await;
    assert_eq!(reply.status, 200);
    assert!(reply.body.is_string(), "this is JSON: {}", reply.body);
}

#[tokio::test]
async fn drop_fault_closes_the_connection_without_a_byte() {
    let emulator = Emulator::start();
    emulator.add_fault(json!({ "api": "rest", "kind": "drop", "times": 2 })).await;
    let mut connection = TcpStream::connect(emulator.url.strip_prefix("http://").unwrap()).await.unwrap();
    connection
        .write_all(b"GET /v3/users HTTP/1.1\r\nHost: x\r\napikey: emulator-rest-api-key\r\n\r\n")
        .await
        .unwrap();
    let mut response = Vec::new();
    // The read may end normally or with a reset.
    let _ = with_timeout("closed connection", connection.read_to_end(&mut response)).await;
    assert_eq!(response, b"");
    assert!(emulator.send("GET", "/v3/users", &KEY, "").await.is_err());
    emulator.rest("GET", "/users", Value::Null).await.data();
    let calls = emulator.state().await["calls"].clone();
    let statuses: Vec<&Value> = calls.as_array().unwrap().iter().map(|call| &call["status"]).collect();
    assert_eq!(statuses, [&Value::Null, &Value::Null, &json!(200)]);
}

#[tokio::test]
async fn delay_fault_delays_the_response() {
    let emulator = Emulator::start();
    emulator.add_fault(json!({ "api": "rest", "kind": "delay", "millis": 150, "times": 1 })).await;
    let started = Instant::now();
    emulator.rest("GET", "/users", Value::Null).await.data();
    assert!(started.elapsed() >= Duration::from_millis(150));
}

#[tokio::test]
async fn hanging_call_continues_when_faults_are_cleared() {
    let emulator = Emulator::start();
    for clear in [("DELETE", "/faults"), ("POST", "/reset")] {
        // The fault is used up by this one call, but still holds it.
        emulator.add_fault(json!({ "api": "rest", "kind": "hang", "times": 1 })).await;
        let arrived = |state: &Value| {
            state["calls"].as_array().unwrap().last().is_some_and(|call| call["status"].is_null())
        };
        let released = async {
            emulator.wait_for("arrived call", arrived).await;
            emulator.control(clear.0, clear.1, Value::Null).await
        };
        let (response, _) = tokio::join!(emulator.rest("GET", "/users", Value::Null), released);
        response.data();
    }
}

#[tokio::test]
async fn socket_fault_drops_rejects_or_holds_new_sockets() {
    let emulator = Emulator::start();
    let session = emulator.login("a").await;
    let mut open = emulator.socket(&session).await;
    let address = emulator.url.replacen("http", "ws", 1);
    for fault in [
        json!({ "api": "socket", "kind": "drop", "times": 1 }),
        json!({ "api": "socket", "kind": "status", "status": 503, "times": 1 }),
        json!({ "api": "socket", "kind": "garbage", "times": 1 }),
    ] {
        emulator.add_fault(fault.clone()).await;
        assert!(connect_async(&address).await.is_err(), "{fault}");
    }
    open.expect_no_frame().await;

    emulator.add_fault(json!({ "api": "socket", "kind": "hang", "times": 1 })).await;
    emulator.rest("GET", "/users", Value::Null).await.data();
    let connecting = tokio::spawn(async move { connect_async(&address).await });
    // The fault is used up as soon as it holds the connection.
    with_timeout("held connection", async {
        while emulator.control("GET", "/faults", Value::Null).await.body != json!([]) {}
    })
    .await;
    assert_eq!(emulator.state().await["sockets"].as_array().unwrap().len(), 1);
    assert!(!connecting.is_finished());
    emulator.control("DELETE", "/faults", Value::Null).await;
    let mut socket = Socket(with_timeout("accepted connection", connecting).await.unwrap().unwrap().0);
    socket.send(auth_frame(&session, json!({}))).await;
    assert_eq!(socket.next().await["body"]["code"], "200");
}

#[tokio::test]
async fn invalid_fault_is_rejected_with_a_reason() {
    let emulator = Emulator::start();
    for (fault, reason) in [
        (json!({ "api": "rest", "kind": "explode" }), "unknown variant `explode`"),
        (json!({ "api": "moon", "kind": "drop" }), "unknown variant `moon`"),
        (json!({ "api": "rest", "kind": "drop", "tmies": 1 }), "unknown field `tmies`"),
        (json!({ "kind": "drop" }), "missing field `api`"),
        (json!({ "api": "rest", "kind": "delay" }), "needs `millis`"),
    ] {
        let reply = emulator.control("POST", "/faults", fault).await;
        assert_eq!((reply.status, reply.code()), (400, "ERR_BAD_REQUEST"));
        let message = reply.body["error"]["message"].as_str().unwrap();
        assert!(message.contains(reason), "{message:?} does not contain {reason:?}");
    }
    assert_eq!(emulator.control("GET", "/faults", Value::Null).await.body, json!([]));
}
