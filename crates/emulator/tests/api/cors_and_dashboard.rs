//! CORS, the shim for the SDK, the dashboard, and the state and reset of the control API.

use crate::helpers::Emulator;
use serde_json::{Value, json};

#[tokio::test]
async fn preflight_allows_every_header_the_sdk_sends() {
    let emulator = Emulator::start();
    let requested = "appid,authtoken,content-type,resource,sdk";
    let headers = [
        ("origin", "http://localhost:3000"),
        ("access-control-request-method", "PUT"),
        ("access-control-request-headers", requested),
    ];
    let reply = emulator.send("OPTIONS", "/v3.0/me", &headers, "").await.unwrap();
    assert_eq!((reply.status, reply.header("access-control-allow-origin")), (204, "*"));
    let allowed: Vec<&str> = reply.header("access-control-allow-headers").split(", ").collect();
    for name in requested.split(',').chain([
        "apikey",
        "onbehalfofuser",
        "authorization",
        "settingshash",
        "settingshashreceivedat",
    ]) {
        assert!(allowed.contains(&name), "{name}");
    }
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
        assert!(reply.header("access-control-allow-methods").contains(method));
    }
    assert!(!reply.header("access-control-max-age").is_empty());
    assert_eq!(emulator.state().await["calls"], json!([]));
}

#[tokio::test]
async fn every_response_is_readable_cross_origin() {
    let emulator = Emulator::start();
    let session = emulator.login("a").await;
    let ok = emulator.client(&session, "GET", "/users", Value::Null).await;
    let unknown_user = emulator.client(&session, "GET", "/users/unknown", Value::Null).await;
    let unknown_route = emulator.client(&session, "GET", "/nothing", Value::Null).await;
    let outside_apis = emulator.send("GET", "/nowhere", &[], "").await.unwrap();
    for (reply, status) in [(ok, 200), (unknown_user, 404), (unknown_route, 404), (outside_apis, 404)] {
        assert_eq!(
            (reply.status, reply.header("access-control-allow-origin")),
            (status, "*"),
            "{}",
            reply.body
        );
    }
}

#[tokio::test]
async fn shim_can_be_loaded_from_any_origin() {
    let emulator = Emulator::start();
    let shim = emulator.send("GET", "/emulator/shim.js", &[], "").await.unwrap();
    assert_eq!(shim.status, 200);
    assert!(shim.header("content-type").starts_with("text/javascript"));
    assert_eq!(shim.header("cross-origin-resource-policy"), "cross-origin");
    assert_eq!(shim.header("access-control-allow-origin"), "*");
    assert!(shim.body.as_str().unwrap().contains("document.currentScript"));
}

#[tokio::test]
async fn head_request_gets_headers_of_get_without_body() {
    let emulator = Emulator::start();
    for path in ["/", "/emulator/shim.js", "/emulator/state", "/emulator/faults"] {
        let get = emulator.send("GET", path, &[], "").await.unwrap();
        let head = emulator.send("HEAD", path, &[], "").await.unwrap();
        assert_eq!((head.status, &head.body), (200, &Value::from("")), "{path}");
        for name in ["content-type", "content-length", "access-control-allow-origin"] {
            assert_eq!(head.header(name), get.header(name), "{name} of {path}");
        }
    }
    assert_eq!(emulator.send("HEAD", "/emulator/reset", &[], "").await.unwrap().status, 404);
}

#[tokio::test]
async fn state_lists_users_with_tokens_messages_and_calls() {
    let emulator = Emulator::start();
    let alice = emulator.login("alice").await;
    emulator.create_user("bob").await;
    emulator.send_text(&alice, "bob", "hi").await;
    emulator.rest("GET", "/users/unknown?x=1", Value::Null).await;
    let state = emulator.state().await;
    assert_eq!(state["users"][0]["tokens"], json!([alice.token]));
    assert_eq!(state["users"][1]["tokens"], json!([]));
    assert_eq!(state["messages"][0]["data"]["text"], "hi");
    let calls = state["calls"].as_array().unwrap();
    let sent =
        json!({ "api": "client", "method": "POST", "path": "/v3.0/messages", "status": 200, "code": null });
    assert!(calls.contains(&sent));
    let failed = json!({ "api": "rest", "method": "GET", "path": "/v3/users/unknown", "status": 404, "code": "ERR_UID_NOT_FOUND" });
    assert_eq!(calls.last().unwrap(), &failed);
}

#[tokio::test]
async fn reset_deletes_everything() {
    let emulator = Emulator::start();
    let alice = emulator.login("alice").await;
    emulator.create_user("bob").await;
    emulator.send_text(&alice, "bob", "hi").await;
    emulator.add_fault(json!({ "api": "client", "kind": "drop" })).await;
    let mut anonymous = emulator.connect().await;
    emulator.wait_for("an open socket", |state| state["sockets"] != json!([])).await;
    assert!(emulator.control("POST", "/reset", Value::Null).await.status < 300);
    assert_eq!(emulator.state().await, json!({ "users": [], "sockets": [], "messages": [], "calls": [] }));
    assert_eq!(emulator.control("GET", "/faults", Value::Null).await.body, json!([]));
    anonymous.close_reason().await;
    let me = emulator.client(&alice, "GET", "/me", Value::Null).await;
    assert_eq!(me.code(), "AUTH_ERR_AUTH_TOKEN_NOT_FOUND");
}

#[tokio::test]
async fn dashboard_shows_users_messages_calls_and_faults() {
    let emulator = Emulator::start();
    let alice = emulator.login("alice").await;
    emulator.create_user("bob").await;
    emulator.send_text(&alice, "bob", "2 < 3 & <b>").await;
    emulator.add_fault(json!({ "api": "rest", "path": "/auth_tokens", "kind": "drop" })).await;
    let reply = emulator.send("GET", "/", &[], "").await.unwrap();
    assert!(reply.header("content-type").starts_with("text/html"));
    let page = reply.body.as_str().unwrap();
    for shown in ["alice", "BOB", &alice.token, "2 &lt; 3 &amp; &lt;b&gt;", "/v3.0/messages", "/auth_tokens"]
    {
        assert!(page.contains(shown), "{shown}");
    }
}
