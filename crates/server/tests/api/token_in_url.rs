//! Tests of chat tokens that need URL encoding, or that no URL can contain.

use crate::helpers::*;
use cometchat_auth::cometchat::job_queue;
use cometchat_auth::crypto::seal::{Sealer, SecretKey};

async fn to_revoke(app: &TestApp, tokens: &[&str]) {
    let sealer = Sealer::new(&SecretKey::new([7; 32]), &[]);
    let sealed = tokens.iter().map(|token| (UID.to_owned(), sealer.seal(UID, token).unwrap()));
    let mut tx = app.db.begin().await.unwrap();
    job_queue::enqueue_revocations(&mut tx, sealed, app.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn unaddressable_token_is_parked_without_outage() {
    let app = TestApp::start_with(|config| config.metrics_listen = "127.0.0.1:0".parse().ok()).await;
    let (browser, response) = app.signed_in().await;
    let kept = response.cometchat_auth_token.unwrap();
    let strange = ["", ".", "..", "a\nb", "a\tb"];
    to_revoke(&app, &strange).await;
    app.eventually_over_time("all are parked", || async {
        app.count("SELECT count(*) FROM chat_jobs WHERE parked = 1").await == 5
    })
    .await;
    assert_eq!(app.emulator.tokens(UID).await, [kept.expose()], "another token was revoked in their place");
    let metrics = app.metrics().await;
    assert!(metrics.contains("breaker_open 0"), "{metrics}");
    assert_eq!(app.emulator.calls("DELETE", "").await, 0, "nothing was asked");
    assert!(browser.is_signed_in().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn token_with_url_characters_is_one_path_segment() {
    let app = TestApp::start().await;
    let (_, response) = app.signed_in().await;
    let kept = response.cometchat_auth_token.unwrap();
    to_revoke(&app, &["a/../b", "../..", "a b", "%2e%2e", "?x=1", "#x", "ü", "a\\..\\b", ".%2e"]).await;
    app.eventually_over_time("all are done", || async {
        app.count("SELECT count(*) FROM chat_jobs").await == 0
    })
    .await;
    assert_eq!(app.emulator.tokens(UID).await, [kept.expose()]);
    assert_eq!(app.emulator.calls("DELETE", "").await, 9);
}
