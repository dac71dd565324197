//! Tests that the generated documents match the code. `make docs` regenerates them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use cometchat_auth::config::docs;
use cometchat_auth::http::routes::openapi;
use serde_json::Value;
use std::path::Path;

/// Returns the content of a generated file. Writes the file first if `UPDATE_DOCS` is set.
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
fn openapi_document_matches_code() {
    let document = serde_json::to_value(openapi::document("", "cometchat-auth")).unwrap();
    let text = format!("{}\n", serde_json::to_string_pretty(&document).unwrap());
    let written: Value = serde_json::from_str(&written("docs/openapi.json", &text)).unwrap_or_default();
    // Compares values: the order of names depends on the enabled features.
    assert!(written == document, "docs/openapi.json is not what the code says: run `make docs`");
}

#[test]
fn settings_documentation_matches_code() {
    is_current("docs/CONFIGURATION.md", &docs::markdown());
    is_current(".env.example", &docs::env_example());
}

#[test]
fn docker_compose_passes_every_setting() {
    let stack = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docker-compose.yml");
    let stack = std::fs::read_to_string(stack).unwrap();
    let example = docs::env_example();
    let names =
        example.lines().filter_map(|line| line.trim_start_matches('#').split_once('=')).map(|(name, _)| name);
    let names: Vec<&str> = names
        .filter(|name| name.chars().all(|c| c.is_ascii_uppercase() || "_0123456789".contains(c)))
        .collect();
    assert!(names.contains(&"SECRET_KEY"), "{names:?}");
    for name in names {
        // The image sets the address in the container.
        assert!(name == "LISTEN" || stack.contains(&format!("\n      {name}:")), "{name} is not passed on");
    }
}

/// Returns the text of all Rust files in a folder.
fn sources(folder: &Path, text: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, text);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            text.push_str(&std::fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn security_page_names_only_existing_tests() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut code = String::new();
    for folder in [
        "crates/server/src",
        "crates/server/tests",
        "crates/e2e/tests",
        "crates/shared/tests",
        "frontend/src",
    ] {
        sources(&root.join(folder), &mut code);
    }
    let page = std::fs::read_to_string(root.join("docs/SECURITY.md")).unwrap();
    let is_name = |word: &&str| {
        word.matches('_').count() >= 3
            && word.chars().all(|c| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit())
    };
    let names: Vec<_> = page.split('`').filter(is_name).collect();
    assert!(names.len() > 60, "{}", names.len());
    for name in names {
        assert!(code.contains(&format!("fn {name}(")), "there is no test {name}");
    }
}

#[test]
fn logging_page_lists_every_warning_and_error() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut code = String::new();
    sources(&root.join("crates/server/src"), &mut code);
    let page = std::fs::read_to_string(root.join("docs/LOGGING.md")).unwrap();
    let calls = code.split("tracing::error!(").skip(1).chain(code.split("tracing::warn!(").skip(1));
    // The message is the first literal of a call. The page may shorten it after a colon or a comma.
    let messages: Vec<_> = calls.map(|call| call.split('"').nth(1).unwrap()).collect();
    assert!(messages.len() > 25, "{messages:?}");
    for message in messages {
        let start = message.split([':', ',']).next().unwrap();
        assert!(page.contains(start), "docs/LOGGING.md does not list \"{message}\"");
    }
}
