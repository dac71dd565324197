//! Tests of the OTLP traces.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use actix_web::{App, HttpResponse, HttpServer, web};
use serde_json::json;
use shared::routes;
use std::sync::{Arc, Mutex};
use test_support::{PASSWORD, Process, TestEmulator};

/// The bytes that a collector has received.
type Sent = Arc<Mutex<Vec<u8>>>;

/// Starts a collector. Returns its URL and the received bytes.
fn collector() -> (String, Sent) {
    let sent = Sent::default();
    let kept = Arc::clone(&sent);
    let server = HttpServer::new(move || {
        let kept = Arc::clone(&kept);
        App::new().route(
            "/v1/traces",
            web::post().to(move |body: web::Bytes| {
                kept.lock().unwrap().extend_from_slice(&body);
                async { HttpResponse::Ok().finish() }
            }),
        )
    });
    let server = server.workers(1).disable_signals().bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", server.addrs()[0]);
    tokio::spawn(server.run());
    (url, sent)
}

#[tokio::test(flavor = "multi_thread")]
async fn trace_of_registration_joins_the_caller_trace() {
    let (folder, (endpoint, sent)) = (test_support::canary::folder(), collector());
    let settings = [
        ("COMETCHAT_EMULATOR_URL", TestEmulator::start().url),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint),
        ("OTEL_SERVICE_NAME", "our-sign-in".to_owned()),
    ];
    let settings: Vec<_> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let server = Process::server(folder.path(), &settings);
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let body = json!({"email": "ada@example.com", "password": PASSWORD, "name": "Ada Lovelace"});
    let request = test_support::client().post(format!("{}{}", server.url, routes::REGISTER));
    let response =
        request.header("traceparent", format!("00-{trace}-b7ad6b7169203331-01")).json(&body).send();
    assert_eq!(response.await.unwrap().status(), 201);
    server.signal("-TERM");
    assert!(server.wait().success());

    let sent = sent.lock().unwrap();
    let has = |bytes: &[u8]| sent.windows(bytes.len()).any(|window| window == bytes);
    for name in ["our-sign-in", "request", "hash", "database", "cometchat", "/api/register", "registered"] {
        assert!(has(name.as_bytes()), "{name}");
    }
    let id: Vec<u8> = (0..16).map(|at| u8::from_str_radix(&trace[2 * at..2 * at + 2], 16).unwrap()).collect();
    assert!(has(&id), "the caller's trace");
    for secret in [PASSWORD, "ada@example.com", "emulator-rest-api-key"] {
        assert!(!has(secret.as_bytes()), "{secret}");
    }
}
