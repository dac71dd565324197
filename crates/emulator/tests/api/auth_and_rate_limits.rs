//! API keys, auth tokens, app ids and rate limits.

use crate::helpers::Emulator;
use cometchat_emulator::{Config, RateLimits};
use serde_json::{Value, json};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

#[tokio::test]
async fn call_without_valid_key_or_token_is_rejected() {
    let emulator = Emulator::start();
    for (path, headers, status, code) in [
        ("/v3/users", vec![], 401, "AUTH_ERR_EMPTY_APIKEY"),
        ("/v3/users", vec![("apikey", "nope")], 404, "AUTH_ERR_APIKEY_NOT_FOUND"),
        ("/v3.0/users", vec![("authToken", "nope")], 401, "AUTH_ERR_AUTH_TOKEN_NOT_FOUND"),
        ("/v3.0/me", vec![], 401, "AUTH_ERR_EMPTY_AUTH_TOKEN"),
        ("/v3/nothing", vec![("apikey", "emulator-rest-api-key")], 404, "ERR_API_NOT_FOUND"),
        ("/v3.0/nothing", vec![("authToken", "nope")], 404, "ERR_API_NOT_FOUND"),
        ("/v4/users", vec![("apikey", "emulator-rest-api-key")], 404, "ERR_API_NOT_FOUND"),
    ] {
        let reply = emulator.send("GET", path, &headers, "").await.unwrap();
        assert_eq!((reply.status, reply.code()), (status, code), "{path} {headers:?}");
    }
    let method = emulator.rest("PATCH", "/users", json!({})).await;
    assert_eq!((method.status, method.code()), (404, "ERR_API_NOT_FOUND"));
}

#[tokio::test]
async fn auth_key_can_only_create_users_and_mint_tokens() {
    let emulator = Emulator::start();
    let key = [("apikey", "emulator-auth-key")];
    let call = |method: &'static str, path: &'static str, body: &'static str| {
        emulator.send(method, path, &key, body)
    };
    call("POST", "/v3/users", r#"{"uid":"a","name":"A"}"#).await.unwrap().data();
    call("POST", "/v3/users/a/auth_tokens", "").await.unwrap().data();
    for (method, path) in [
        ("GET", "/v3/users"),
        ("GET", "/v3/users/a"),
        ("PUT", "/v3/users/a"),
        ("DELETE", "/v3/users/a"),
        ("GET", "/v3/users/a/auth_tokens"),
        ("DELETE", "/v3/users/a/auth_tokens"),
        ("POST", "/v3/messages"),
    ] {
        let reply = call(method, path, "").await.unwrap();
        assert_eq!((reply.status, reply.code()), (403, "AUTH_ERR_NO_ACCESS"), "{method} {path}");
    }
}

#[tokio::test]
async fn all_versions_serve_both_apis_and_v2_requires_app_id() {
    let emulator = Emulator::start();
    let session = emulator.login("a").await;
    for version in ["/v2.0", "/v3", "/v3.0"] {
        for key in [("apikey", "emulator-rest-api-key"), ("authToken", session.token.as_str())] {
            let path = format!("{version}/users");
            let named = emulator.send("GET", &path, &[key, ("appid", "emulator")], "").await.unwrap();
            named.data();
            let wrong = emulator.send("GET", &path, &[key, ("appid", "other")], "").await.unwrap();
            assert_eq!(wrong.code(), "AUTH_ERR_INVALID_APPID");
            let nameless = emulator.send("GET", &path, &[key], "").await.unwrap();
            assert_eq!(nameless.code(), if version == "/v2.0" { "AUTH_ERR_EMPTY_APPID" } else { "" });
        }
    }
}

#[tokio::test]
async fn call_over_the_rate_limit_is_rejected_until_next_minute() {
    let now = Arc::new(AtomicU64::new(1_800_000_010));
    let clock = Arc::clone(&now);
    let emulator = Emulator::start_with(Config {
        rate_limits: RateLimits { core: 1, other: 2 },
        clock: Arc::new(move || clock.load(Ordering::Relaxed)),
        ..Config::default()
    });
    // Creating and deleting users are core operations, which have their own limit.
    emulator.create_user("a").await;
    for (method, path, body) in [
        ("POST", "/users", json!({ "uid": "b", "name": "B" })),
        ("DELETE", "/users/a", Value::Null),
        ("DELETE", "/users", json!({ "uidsToDeactivate": ["a"] })),
    ] {
        assert_eq!(
            emulator.rest(method, path, body).await.code(),
            "ERR_TOO_MANY_REQUESTS",
            "{method} {path}"
        );
    }
    let first = emulator.rest("GET", "/users", Value::Null).await;
    assert_eq!((first.header("x-rate-limit"), first.header("x-rate-limit-remaining")), ("2", "1"));
    // A call that fails counts too.
    assert_eq!(
        emulator.rest("GET", "/users/unknown", Value::Null).await.header("x-rate-limit-remaining"),
        "0"
    );
    let over = emulator.rest("GET", "/users", Value::Null).await;
    assert_eq!((over.status, over.code()), (429, "ERR_TOO_MANY_REQUESTS"));
    assert_eq!((over.header("retry-after"), over.header("x-rate-limit-reset")), ("50", "1800000060"));

    now.store(1_800_000_060, Ordering::Relaxed);
    emulator.rest("GET", "/users", Value::Null).await.data();
}
