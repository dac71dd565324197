//! Runs the examples of `docs/INTEGRATE.md`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::Server;
use reqwest::StatusCode;
use serde_json::{Value, json};
use shared::routes;
use std::path::Path;
use std::process::Command;

#[tokio::test(flavor = "multi_thread")]
async fn library_parts_example_mints_and_revokes_token() {
    let folder = common::canary::folder();
    let (emulator, database) = (common::emulator(), common::new_database(folder.path()).await);
    // cargo builds examples beside the folder of the tests.
    let example = std::env::current_exe().unwrap().ancestors().nth(2).unwrap().join("examples/parts");
    let output = Command::new(example).args([&emulator, &database]).output();
    let output = output.expect("missing example: `cargo test` without a selection of tests builds it");
    let message = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(
        output.status.success() && message.contains("minted ada_") && message.contains("revoked"),
        "{message}"
    );
    let state = common::client().get(format!("{emulator}/emulator/state")).send().await.unwrap();
    let state: Value = state.json().await.unwrap();
    assert_eq!(state["users"][0]["name"], "Ada Lovelace");
    assert_eq!(state["users"][0]["tokens"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Node: make test"]
async fn node_example_assertion_signs_user_in() {
    const KEY: &str = "CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk=";
    let (folder, emulator) = (common::canary::folder(), common::emulator());
    let server =
        Server::start(folder.path(), &[("COMETCHAT_EMULATOR_URL", &emulator), ("ASSERTION_KEY", KEY)]);
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
        common::client().post(format!("{}{}", server.url, routes::LOGIN_ASSERTION)).json(&body).send();
    let response = response.await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let response: Value = response.json().await.unwrap();
    assert_eq!(response["name"], "Ada Lovelace");
}
