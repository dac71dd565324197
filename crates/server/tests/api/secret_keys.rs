//! Tests of `SECRET_KEY` in several instances, and of its rotation.

use crate::assertion_login::{claims, hs256, login_by_assertion};
use crate::helpers::*;
use cometchat_auth::cometchat::{job_queue, key_fingerprints};
use cometchat_auth::config::Config;
use cometchat_auth::crypto::seal::{Sealer, SecretKey};
use cometchat_auth::server::{Application, StartError};
use reqwest::StatusCode;
use std::time::Duration;

fn key(byte: u8) -> SecretKey {
    SecretKey::new([byte; 32])
}

/// Returns the settings with another key and fallbacks.
fn with_keys(config: &Config, own: u8, fallbacks: &[u8]) -> Config {
    let mut config = config.clone();
    config.core.secret_key = key(own);
    config.core.secret_key_fallbacks = fallbacks.iter().map(|byte| key(*byte)).collect();
    config
}

/// Returns whether a server starts with these settings.
async fn starts(app: &TestApp, config: Config) -> bool {
    match Application::build(config, app.clock.clone(), None).await {
        Ok(_) => true,
        Err(StartError::Key(error)) => {
            let message = error.to_string();
            assert!(message.contains("SECRET_KEY_FALLBACKS") && message.contains("adopt-key"), "{message}");
            false
        }
        Err(error) => panic!("{error}"),
    }
}

/// Enqueues the revocation of a token that is sealed with this key.
async fn to_revoke(app: &TestApp, sealed_with: u8, token: &str) {
    let sealed = Sealer::new(&key(sealed_with), &[]).seal(UID, token).unwrap();
    let mut tx = app.db.begin().await.unwrap();
    job_queue::enqueue_revocations(&mut tx, [(UID.to_owned(), sealed)], app.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn job_with_unknown_key_waits_for_the_key() {
    let mut app = TestApp::start_with(|config| config.metrics_listen = "127.0.0.1:0".parse().ok()).await;
    let (browser, _) = app.signed_in().await;
    let lost = app.emulator.mint(UID).await;
    to_revoke(&app, 8, &lost).await;
    app.eventually_over_time("it is tried again and again", || async {
        app.count("SELECT coalesce(max(attempts), 0) FROM chat_jobs").await >= 5
    })
    .await;
    assert_eq!(app.count("SELECT count(*) FROM chat_jobs WHERE parked = 1").await, 0);
    let metrics = app.metrics().await;
    assert!(
        !metrics.contains("chat_jobs_undecryptable_total 0")
            && metrics.contains("chat_jobs_undecryptable_total "),
        "{metrics}"
    );
    assert!(metrics.contains("breaker_open 0"), "{metrics}");
    assert_eq!(browser.logout().await.status(), StatusCode::NO_CONTENT);
    app.eventually_over_time("others are done", || async {
        app.emulator.tokens(UID).await == [lost.as_str()]
    })
    .await;

    app.config = with_keys(&app.config, 7, &[8]);
    let app = app.restart().await;
    app.eventually_over_time("it is done with the key", || async {
        app.emulator.tokens(UID).await.is_empty()
    })
    .await;
    app.eventually_over_time("nothing is left", || async {
        app.count("SELECT count(*) FROM chat_jobs").await == 0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_with_unknown_key_block_no_others() {
    let app = TestApp::start().await;
    for number in 0..200 {
        to_revoke(&app, 8, &format!("token-{number}")).await;
    }
    let (browser, _) = app.signed_in().await;
    browser.logout().await;
    eventually("the sign-out is done", || async {
        app.clock.advance(Duration::from_secs(1));
        app.emulator.tokens(UID).await.is_empty()
    })
    .await;
    eventually("all others wait", || async {
        app.count("SELECT count(*) FROM chat_jobs WHERE parked = 0").await == 200
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn startup_with_unknown_key_is_refused() {
    let app = TestApp::start().await;
    assert!(!starts(&app, with_keys(&app.config, 8, &[])).await);
    assert!(!starts(&app, with_keys(&app.config, 8, &[9])).await);
    assert!(starts(&app, with_keys(&app.config, 7, &[])).await, "as it was, after refused ones");
}

#[tokio::test(flavor = "multi_thread")]
async fn startup_with_retired_key_is_refused() {
    let app = TestApp::start().await;
    assert!(starts(&app, with_keys(&app.config, 7, &[8])).await, "the next key only opens");
    assert!(starts(&app, with_keys(&app.config, 8, &[7])).await, "the next key seals");
    assert!(!starts(&app, with_keys(&app.config, 7, &[])).await, "what is sealed now would not open");
    assert!(starts(&app, with_keys(&app.config, 7, &[8])).await, "an instance that is not yet changed");
    assert!(starts(&app, with_keys(&app.config, 8, &[7])).await);
    assert!(starts(&app, with_keys(&app.config, 8, &[])).await, "the old key is not needed any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_first_starts_admit_one_key() {
    let app = TestApp::start().await;
    app.db.execute("DELETE FROM key_fingerprints", &[]).await.unwrap();
    let keys: Vec<_> = (1..=8).map(key).collect();
    let admitted = keys.iter().map(|key| key_fingerprints::check_or_record(&app.db, key, &[], 0));
    let admitted = futures_util::future::join_all(admitted).await;
    assert_eq!(admitted.iter().filter(|admitted| admitted.is_ok()).count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn adopted_key_replaces_lost_key_and_its_payloads() {
    let app = TestApp::start().await;
    let (browser, _) = app.signed_in().await;
    let another = app.emulator.mint(UID).await;
    app.emulator.add_fault(serde_json::json!({"api": "rest", "method": "DELETE", "kind": "drop"})).await;
    to_revoke(&app, 7, &another).await;
    let given_up = key_fingerprints::adopt_key(&app.db, &key(8), &[], app.clock.now()).await.unwrap();
    assert_eq!((given_up.sessions, given_up.revocations), (1, 1));
    let again = key_fingerprints::adopt_key(&app.db, &key(8), &[], app.clock.now()).await.unwrap();
    assert_eq!((again.sessions, again.revocations), (0, 0));
    assert!(!starts(&app, app.config.clone()).await);
    app.emulator.clear_faults().await;
    let mut app = app;
    app.config = with_keys(&app.config, 8, &[]);
    let app = app.restart().await;
    let browser = app.browser_with(browser.cookie);
    assert!(browser.is_signed_in().await);
    app.clock.advance(Duration::from_secs(60));
    assert_eq!(browser.chat_token(false).await.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn assertion_signed_with_either_key_is_accepted() {
    for (keys, status) in [(&[3, 9][..], 200), (&[9, 3][..], 200), (&[3, 4][..], 401)] {
        let app = TestApp::start_with(|config| {
            config.assertion_keys = keys.iter().map(|byte| key(*byte)).collect();
        })
        .await;
        let assertion = hs256(&claims(&app, "1"));
        let response = login_by_assertion(&app, &assertion);
        assert_eq!(response.await.status().as_u16(), status, "{keys:?}");
    }
}
