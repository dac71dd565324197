//! Tests of the limit on sessions per user: the session that was idle longest ends, in bounded transactions.

use crate::helpers::*;
use cometchat_auth::db::Db;
use cometchat_auth::sessions::{self, MAX_SESSIONS_PER_USER};
use cometchat_auth::{params, throttle, users};
use futures_util::future::join_all;
use reqwest::StatusCode;
use serde_json::json;
use shared::{ErrorCode, SessionsResponse, routes};
use std::time::Duration;
use test_support::new_database;

const MAX: usize = 50;

/// Inserts sessions of the demo user into the database, without the limit.
async fn insert_sessions(app: &TestApp, count: i64) {
    let many = "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < $1)
                INSERT INTO sessions (token_hash, public_id, user_id, created_at, last_seen_at, expires_at, user_agent,
                                      address, chat_token_sealed)
                SELECT 'hash' || x, '00' || x, user_id, created_at, last_seen_at, expires_at, '', '', chat_token_sealed
                FROM n, (SELECT * FROM sessions WHERE chat_token_sealed IS NOT NULL ORDER BY public_id LIMIT 1) AS s";
    assert_eq!(app.db.execute(many, params![count]).await.unwrap(), u64::try_from(count).unwrap());
}

async fn session_count(app: &TestApp) -> usize {
    usize::try_from(app.count("SELECT count(*) FROM sessions").await).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn session_limit_ends_the_longest_idle_session() {
    assert_eq!(i64::try_from(MAX).unwrap(), MAX_SESSIONS_PER_USER);
    let app = TestApp::start().await;
    let mut browsers = Vec::new();
    for _ in 0..MAX {
        app.clock.advance(Duration::from_secs(301));
        browsers.push(app.signed_in().await);
    }
    // The oldest session is used, so the second was idle longest.
    assert!(browsers[0].0.is_signed_in().await);
    app.clock.advance(Duration::from_secs(301));
    let (new, _) = app.signed_in().await;
    assert_eq!(session_count(&app).await, MAX);
    failure(browsers[1].0.session().await, ErrorCode::NotSignedIn).await;
    for (browser, _) in [&browsers[0], &browsers[2], &browsers[MAX - 1]] {
        assert!(browser.is_signed_in().await);
    }
    assert!(new.is_signed_in().await);
    let ended = browsers[1].1.cometchat_auth_token.clone().unwrap();
    app.eventually_over_time("its chat token alone is revoked", || async {
        let tokens = app.emulator.tokens(UID).await;
        tokens.len() == MAX && !tokens.iter().any(|token| token == ended.expose())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn session_limit_holds_under_concurrent_logins() {
    let app = TestApp::start().await;
    let sign_ins = join_all((0..MAX + 20).map(|_| app.signed_in())).await;
    assert_eq!(session_count(&app).await, MAX);
    let live = join_all(sign_ins.iter().map(|(browser, _)| browser.is_signed_in())).await;
    assert_eq!(live.iter().filter(|live| **live).count(), MAX);
    let kept = sign_ins.iter().zip(&live).filter(|(_, live)| **live).map(|((_, response), _)| response);
    let tokens: Vec<_> = kept
        .filter_map(|response| response.cometchat_auth_token.as_ref())
        .map(shared::Secret::expose)
        .collect();
    app.eventually_over_time("CometChat has the tokens of live sessions alone", || async {
        let theirs = app.emulator.tokens(UID).await;
        theirs.len() == tokens.len() && theirs.iter().all(|token| tokens.contains(&token.as_str()))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn session_replaced_by_login_ends_no_other() {
    let app = TestApp::start().await;
    let mut browsers = Vec::new();
    for _ in 0..MAX {
        browsers.push(app.signed_in().await.0);
    }
    let mut again = browsers.pop().unwrap();
    again.sign_in(EMAIL, PASSWORD).await;
    assert!(join_all(browsers.iter().map(Browser::is_signed_in)).await.into_iter().all(|live| live));
    assert_eq!(session_count(&app).await, MAX);
}

#[tokio::test(flavor = "multi_thread")]
async fn excess_sessions_from_old_version_end_in_batches() {
    let app = TestApp::start().await;
    let (mut here, _) = app.signed_in().await;
    // Its time is after that of all others, so a wrong order would end it first.
    app.clock.advance(Duration::from_secs(60));
    insert_sessions(&app, 2500).await;
    app.emulator.add_fault(json!({"api": "rest", "method": "DELETE", "kind": "drop"})).await;
    let listed: SessionsResponse = here.get(routes::SESSIONS).await.json().await.unwrap();
    assert_eq!(listed.sessions.len(), MAX);

    // A login ends a bounded number of them.
    let (_, _) = app.signed_in().await;
    let left = session_count(&app).await;
    assert!((2300..2502).contains(&left), "{left}");
    let ended = here.delete(routes::SESSIONS, json!({})).await;
    here.keep(&ended);
    assert_eq!(ended.status(), StatusCode::NO_CONTENT);
    assert_eq!(session_count(&app).await, 1);
    assert!(here.is_signed_in().await);
    let waiting = app.count("SELECT count(*) FROM chat_jobs WHERE kind = 'revoke_token'").await;
    assert_eq!(waiting, 2502, "each token that there was, this browser's too");
}

#[tokio::test(flavor = "multi_thread")]
async fn excess_session_cleanup_spares_the_kept_one() {
    let app = TestApp::start().await;
    app.signed_in().await;
    insert_sessions(&app, 450).await;
    let kept = "hash1";
    let ended = sessions::end_excess(&app.db, UID, Some(kept), app.clock.now()).await.unwrap();
    assert_eq!((ended, session_count(&app).await), (451 - MAX, MAX));
    assert_eq!(app.count("SELECT count(*) FROM sessions WHERE token_hash = 'hash1'").await, 1);
    assert_eq!(sessions::end_excess(&app.db, UID, None, app.clock.now()).await.unwrap(), 0);
    assert!(users::find(&app.db, UID).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn account_unlock_deletes_failures_in_batches() {
    let app = TestApp::start().await;
    let many = "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < $1)
                INSERT INTO login_failures (key_hash, account_hash, failures, last_at)
                SELECT 'network' || x, $2, 7, $3 FROM n";
    let account = cometchat_auth::crypto::sha256_hex(EMAIL.as_bytes());
    app.db.execute(many, params![3000, &account, app.clock.now()]).await.unwrap();
    let shut =
        "INSERT INTO login_failures (key_hash, account_hash, failures, last_at) VALUES ($1, $1, 100, $2)";
    app.db.execute(shut, params![&account, app.clock.now()]).await.unwrap();
    // A transaction deletes a bounded number of counts, always including the count of the account.
    let mut tx = app.db.begin().await.unwrap();
    assert!(throttle::unlock(&mut tx, EMAIL, app.clock.now()).await.unwrap());
    tx.commit().await.unwrap();
    let left = app.count("SELECT count(*) FROM login_failures").await;
    assert!((1..2900).contains(&left), "{left}");
    assert!(!throttle::is_locked(&app.db, EMAIL, app.clock.now()).await.unwrap());
    throttle::clear_excess(&app.db, EMAIL).await.unwrap();
    assert!(app.count("SELECT count(*) FROM login_failures").await < 1000);
}

#[tokio::test(flavor = "multi_thread")]
async fn old_failures_are_swept_in_batches() {
    // Without a server, whose maintenance would delete them, too.
    let folder = tempfile::tempdir().unwrap();
    let db = Db::open(&new_database(folder.path()).await).await.unwrap();
    let many = "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 1000)
                INSERT INTO login_failures (key_hash, account_hash, failures, last_at) SELECT 'old' || x, '', 7, 0 FROM n";
    db.execute(many, &[]).await.unwrap();
    let swept = throttle::delete_old(&db, 1_000_000, 200).await.unwrap();
    assert_eq!(swept, 200);
    let left: Vec<(i64,)> = db.fetch_all("SELECT count(*) FROM login_failures", &[]).await.unwrap();
    assert_eq!(left, [(800,)]);
}
