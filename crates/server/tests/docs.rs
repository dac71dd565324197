//! What is written from the code is what the code says. `make docs` writes it anew.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use cometchat_auth::config::docs;
use cometchat_auth::http::openapi;
use serde_json::Value;
use std::path::Path;

/// What is in this file, after it was written anew if that is what is asked for.
#[allow(clippy::disallowed_methods)]
fn written(file: &str, text: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(file);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    std::fs::read_to_string(&path).unwrap_or_default()
}

fn is_current(file: &str, text: &str) {
    let same = written(file, text) == text;
    assert!(same, "{file} is not what the code says: run `make docs` and look at the difference");
}

#[test]
fn the_api_is_described_as_it_is() {
    let document = openapi::document("", "cometchat-auth");
    let text = format!("{}\n", serde_json::to_string_pretty(&document).unwrap());
    let written: Value = serde_json::from_str(&written("docs/openapi.json", &text)).unwrap_or_default();
    // Not as text: the order of names depends on what else is built.
    assert!(written == document, "docs/openapi.json is not what the code says: run `make docs`");
}

#[test]
fn the_settings_are_described_as_they_are() {
    is_current("docs/CONFIGURATION.md", &docs::markdown());
    is_current(".env.example", &docs::env_example());
}
