//! Tests of names and email addresses with characters that reorder or hide text.

use crate::assertion_login;
use crate::helpers::*;
use crate::register::GOOD;
use reqwest::StatusCode;
use serde_json::json;
use shared::{ErrorCode, routes};

/// An override, an isolate, a mark, a zero-width space, a soft hyphen, a filler, a tag and a joiner.
const HIDDEN: [char; 8] =
    ['\u{202e}', '\u{2066}', '\u{200f}', '\u{200b}', '\u{ad}', '\u{3164}', '\u{e0041}', '\u{200d}'];

#[tokio::test(flavor = "multi_thread")]
async fn names_with_hidden_characters_are_rejected() {
    let app = assertion_login::start().await;
    let users = app.count("SELECT count(*) FROM users").await;
    let (browser, _) = app.signed_in().await;
    for (index, hidden) in HIDDEN.into_iter().enumerate() {
        let name = format!("Ada{hidden}Lovelace");
        let registered = app.browser().register("ada@example.com", GOOD, &name).await;
        let renamed = browser.put(routes::ACCOUNT, json!({"name": name})).await;
        for response in [registered, renamed] {
            let error = failure(response, ErrorCode::ValidationFailed).await;
            assert!(error.fields.unwrap()["name"].contains("invisible characters"), "{name:?}");
        }
        let mut claims = assertion_login::claims(&app, &index.to_string());
        claims["name"] = name.into();
        let response = assertion_login::login_by_assertion(&app, &assertion_login::hs256(&claims)).await;
        failure(response, ErrorCode::InvalidAssertion).await;
    }
    assert_eq!(app.count("SELECT count(*) FROM users").await, users);
    let name = "نیلوفر نورهای\u{200c}پور";
    let response = app.browser().register("ada@example.com", GOOD, name).await;
    assert_eq!(response.status(), StatusCode::CREATED, "a joiner that Persian needs");
}

#[tokio::test(flavor = "multi_thread")]
async fn emails_with_hidden_characters_are_rejected() {
    let app = TestApp::start().await;
    for hidden in HIDDEN {
        let email = format!("te{hidden}st@example.com");
        let registered = app.browser().register(&email, GOOD, "Test User").await;
        let signed_in = app.browser().login(&email, PASSWORD).await;
        for response in [registered, signed_in] {
            let error = failure(response, ErrorCode::ValidationFailed).await;
            assert!(error.fields.unwrap().contains_key("email"), "{email:?}");
        }
    }
    assert_eq!(app.count("SELECT count(*) FROM login_failures").await, 0, "nothing was written");
}
