//! Tests of calls whose response is lost although CometChat performs them, immediately or much later.

use crate::helpers::*;
use crate::register::GOOD;
use reqwest::StatusCode;
use serde_json::json;
use shared::routes;
use std::time::Duration;

impl TestApp {
    /// Logs in while the mint gets no response. CometChat creates the token when the fault is cleared.
    async fn signs_in_and_the_mint_hangs(&self) -> Browser {
        let hang =
            json!({"api": "rest", "method": "POST", "path": "auth_tokens", "kind": "hang", "times": 1});
        self.emulator.add_fault(hang).await;
        let (browser, response) = self.signed_in().await;
        assert_eq!(response.cometchat_auth_token, None);
        browser
    }

    async fn has_jobs(&self) -> bool {
        self.count("SELECT count(*) FROM chat_jobs").await > 0
    }

    /// Advances the clock in steps, and lets a due check for lost tokens run between them.
    async fn passes(&self, seconds: u64) {
        for _ in 0..seconds / 15 {
            self.clock.advance(Duration::from_secs(15));
            eventually("what is due is done", || async {
                let due = "SELECT count(*) FROM chat_jobs WHERE parked = 0 AND run_at <= $1";
                let due: Vec<(i64,)> =
                    self.db.fetch_all(due, cometchat_auth::params![self.clock.now()]).await.unwrap();
                due == [(0,)]
            })
            .await;
        }
    }
}

async fn finds_a_lost_token_with_clocks_apart_by(seconds: i64) {
    let app = TestApp::start().await;
    let (kept, _) = app.signed_in().await;
    app.emulator.set_ahead(seconds);
    app.signs_in_and_the_mint_hangs().await;
    app.emulator.clear_faults().await;
    eventually("the token is made", || async { app.emulator.tokens(UID).await.len() == 2 }).await;
    app.eventually_over_time("the lost token is revoked", || async { !app.has_jobs().await }).await;
    assert_eq!(app.emulator.tokens(UID).await.len(), 1, "{seconds} s");
    assert!(kept.is_signed_in().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_token_is_revoked_with_remote_clock_behind() {
    finds_a_lost_token_with_clocks_apart_by(-90).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_token_is_revoked_with_remote_clock_ahead() {
    finds_a_lost_token_with_clocks_apart_by(3600).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_token_minted_after_first_check_is_revoked() {
    let app = TestApp::start().await;
    app.signed_in().await;
    app.signs_in_and_the_mint_hangs().await;
    app.passes(75).await;
    assert_eq!(app.count("SELECT count(*) FROM chat_jobs WHERE kind = 'reconcile_tokens'").await, 1, "kept");
    app.emulator.clear_faults().await;
    eventually("the token is made late", || async { app.emulator.tokens(UID).await.len() == 2 }).await;
    app.eventually_over_time("the check ends", || async { !app.has_jobs().await }).await;
    assert_eq!(app.emulator.tokens(UID).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn mint_that_never_happened_is_checked_twice() {
    let app = TestApp::start().await;
    app.signed_in().await;
    let cut = json!({"api": "rest", "method": "POST", "path": "auth_tokens", "kind": "drop", "times": 1});
    app.emulator.add_fault(cut).await;
    app.signed_in().await;
    let before = app.emulator.calls("GET", "/auth_tokens").await;
    app.passes(75).await;
    assert_eq!(app.emulator.calls("GET", "/auth_tokens").await - before, 1);
    app.eventually_over_time("the check ends", || async { !app.has_jobs().await }).await;
    assert_eq!(app.emulator.calls("GET", "/auth_tokens").await - before, 2);
    assert_eq!(app.emulator.tokens(UID).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn late_rename_is_overwritten_by_the_newer_one() {
    let app = TestApp::start().await;
    let (browser, _) = app.signed_in().await;
    let names = async || app.emulator.names().await.remove(UID);
    app.emulator
        .add_fault(json!({"api": "rest", "method": "PUT", "path": "/users/", "kind": "hang", "times": 1}))
        .await;
    assert_eq!(browser.put(routes::ACCOUNT, json!({"name": "Between"})).await.status(), StatusCode::OK);
    eventually("the first rename is under way", || async { app.emulator.calls("PUT", UID).await == 1 }).await;
    assert_eq!(browser.put(routes::ACCOUNT, json!({"name": "After"})).await.status(), StatusCode::OK);
    // When the first call times out, after ten seconds.
    eventually("the second overtakes it", || async { names().await.as_deref() == Some("After") }).await;
    app.emulator.clear_faults().await;
    eventually("the first comes late", || async { names().await.as_deref() == Some("Between") }).await;
    app.eventually_over_time("all is done", || async { !app.has_jobs().await }).await;
    assert_eq!(names().await.as_deref(), Some("After"));
}

#[tokio::test(flavor = "multi_thread")]
async fn user_created_late_after_deletion_is_removed() {
    let app = TestApp::start().await;
    let hang = json!({"api": "rest", "method": "POST", "path": "/users", "kind": "hang", "times": 1});
    app.emulator.add_fault(hang).await;
    let mut browser = app.browser();
    assert_eq!(browser.register("ada@example.com", GOOD, "Ada").await.status(), StatusCode::CREATED);
    let deleted = browser.delete(routes::ACCOUNT, json!({"password": GOOD})).await;
    assert_eq!(deleted.status(), StatusCode::NO_CONTENT);
    // The first check of the mint and the deletion find nothing to do.
    app.passes(75).await;
    assert!(app.emulator.names().await.is_empty());
    app.emulator.clear_faults().await;
    eventually("CometChat makes them late", || async { app.emulator.names().await.len() == 1 }).await;
    app.eventually_over_time("all is done", || async { !app.has_jobs().await }).await;
    assert!(app.emulator.names().await.is_empty());
}

/// The process dies during the call: only the claim records that the outcome is unknown.
#[tokio::test(flavor = "multi_thread")]
async fn job_of_crashed_worker_is_repeated_once() {
    let app = TestApp::start().await;
    let (browser, _) = app.signed_in().await;
    assert_eq!(browser.put(routes::ACCOUNT, json!({"name": "After"})).await.status(), StatusCode::OK);
    app.eventually_over_time("all is done", || async { !app.has_jobs().await }).await;
    let sql = "INSERT INTO chat_jobs (id, kind, uid, payload_sealed, version, attempts, bulk, run_at, claim, claimed_until,
                                      parked, last_error, created_at, unsettled_until)
               VALUES ($1, 'sync_user', $2, NULL, 1, 1, 0, $3, 'a dead worker', $3, 0, NULL, $3, NULL)";
    let now = app.clock.now();
    app.db.execute(sql, cometchat_auth::params![format!("user:{UID}"), UID, now]).await.unwrap();
    let before = app.emulator.calls("PUT", UID).await;
    eventually("it is done", || async { app.emulator.calls("PUT", UID).await == before + 1 }).await;
    app.passes(105).await;
    assert_eq!(app.emulator.calls("PUT", UID).await, before + 1);
    app.eventually_over_time("it is done once more", || async { !app.has_jobs().await }).await;
    assert_eq!(app.emulator.calls("PUT", UID).await, before + 2);
}
