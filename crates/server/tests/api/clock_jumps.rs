//! Tests of a clock that jumps ahead and back: a short jump deletes no session.

use crate::helpers::*;
use cometchat_auth::{maintenance, params};
use std::time::Duration;

const YEAR: i64 = 365 * 24 * 60 * 60;
const HOUR: Duration = Duration::from_secs(60 * 60);

#[tokio::test(flavor = "multi_thread")]
async fn clock_jump_for_a_minute_sweeps_no_session() {
    let app = TestApp::start().await;
    let (browser, response) = app.signed_in().await;
    let mut watch = maintenance::watch_clock(app.state()).await;
    maintenance::run_once(app.state(), &mut watch).await;
    app.clock.step(YEAR);
    maintenance::run_once(app.state(), &mut watch).await;
    assert!(!browser.is_signed_in().await, "the session has expired by the wrong clock");
    app.clock.advance(Duration::from_secs(60));
    maintenance::run_once(app.state(), &mut watch).await;
    app.clock.step(-YEAR);
    maintenance::run_once(app.state(), &mut watch).await;
    assert!(browser.is_signed_in().await);
    let token = response.cometchat_auth_token.unwrap();
    assert_eq!(app.emulator.tokens(UID).await, [token.expose()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn clock_jump_lasting_an_hour_sweeps_sessions() {
    let app = TestApp::start().await;
    app.signed_in().await;
    let mut watch = maintenance::watch_clock(app.state()).await;
    app.clock.step(YEAR);
    maintenance::run_once(app.state(), &mut watch).await;
    assert_eq!(app.count("SELECT count(*) FROM sessions").await, 1);
    app.clock.advance(HOUR);
    maintenance::run_once(app.state(), &mut watch).await;
    assert_eq!(app.count("SELECT count(*) FROM sessions").await, 0);
    app.eventually_over_time("its chat token is revoked", || async {
        app.emulator.tokens(UID).await.is_empty()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn startup_with_clock_ahead_sweeps_no_session() {
    let app = TestApp::start().await;
    let (browser, _) = app.signed_in().await;
    app.clock.step(YEAR);
    let mut watch = maintenance::watch_clock(app.state()).await;
    maintenance::run_once(app.state(), &mut watch).await;
    app.clock.step(-YEAR);
    assert!(browser.is_signed_in().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn sweep_removes_all_expired_rows() {
    let app = TestApp::start().await;
    app.signed_in().await;
    let many = "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 1000)
                INSERT INTO sessions (token_hash, public_id, user_id, created_at, last_seen_at, expires_at, user_agent,
                                      address, chat_token_sealed)
                SELECT 'hash' || x, '00' || x, user_id, created_at, last_seen_at, expires_at, '', '', '' FROM n, sessions";
    app.db.execute(many, &[]).await.unwrap();
    let failures = "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 1000)
                    INSERT INTO login_failures (key_hash, account_hash, failures, last_at) SELECT 'old' || x, '', 7, 0 FROM n";
    app.db.execute(failures, &[]).await.unwrap();
    let used = "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 1000)
                INSERT INTO used_assertions (id_hash, expires_at) SELECT 'old' || x, $1 FROM n";
    app.db.execute(used, params![0]).await.unwrap();
    let mut watch = maintenance::watch_clock(app.state()).await;
    app.clock.advance(DAY * 8);
    maintenance::run_once(app.state(), &mut watch).await;
    for left in [
        "SELECT count(*) FROM sessions",
        "SELECT count(*) FROM login_failures",
        "SELECT count(*) FROM used_assertions",
    ] {
        assert_eq!(app.count(left).await, 0, "{left}");
    }
}
