//! Runs the examples of `docs/INTEGRATE.md`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use reqwest::StatusCode;
use serde_json::{Value, json};
use shared::routes;
use std::path::Path;
use std::process::Command;
use test_support::{Process, TestEmulator, binary};

#[tokio::test(flavor = "multi_thread")]
async fn library_parts_example_mints_and_revokes_token() {
    let folder = test_support::canary::folder();
    let (emulator, database) = (TestEmulator::start(), test_support::new_database(folder.path()).await);
    let example = binary("examples/parts");
    let output = Command::new(example).args([&emulator.url, &database]).output().unwrap();
    let message = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(
        output.status.success() && message.contains("minted ada_") && message.contains("revoked"),
        "{message}"
    );
    let users = emulator.users().await;
    assert_eq!(users.into_values().collect::<Vec<_>>(), [("Ada Lovelace".to_owned(), Vec::new())]);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Node: make test"]
async fn node_example_assertion_signs_user_in() {
    const KEY: &str = "CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk=";
    let (folder, emulator) = (test_support::canary::folder(), TestEmulator::start());
    let server =
        Process::server(folder.path(), &[("COMETCHAT_EMULATOR_URL", &emulator.url), ("ASSERTION_KEY", KEY)]);
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/examples/login-assertion.mjs");
    let output = Command::new("node")
        .arg(example)
        .args(["ada", "ada@example.com", "Ada Lovelace"])
        .env("ASSERTION_KEY", KEY)
        .output()
        .unwrap();
    let assertion = String::from_utf8(output.stdout).unwrap();
    let body = json!({"assertion": assertion.trim()});
    let response =
        test_support::client().post(format!("{}{}", server.url, routes::LOGIN_ASSERTION)).json(&body).send();
    let response = response.await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let response: Value = response.json().await.unwrap();
    assert_eq!(response["name"], "Ada Lovelace");
}
