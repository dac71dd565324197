//! Tests of hashes of other systems or with other parameters: their cost for other users, and their timing.

use crate::helpers::*;
use cometchat_auth::passwords::{HashKind, params};
use cometchat_auth::users::{self, User, hash_kinds};
use reqwest::{Method, StatusCode};
use serde_json::json;
use shared::routes;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// A hash that costs many times as much as a new hash of these tests.
const DEAR: HashKind = HashKind::Pbkdf2 { is_sha512: false, rounds: 20_000, blocks: 1 };
const DEARER: HashKind = HashKind::Bcrypt { cost: 8 };

/// Adds a user as an import does.
async fn import(app: &TestApp, id: &str, kind: HashKind) {
    let user = User { id: id.into(), email: format!("{id}@example.com"), name: id.into() };
    let mut tx = app.db.begin().await.unwrap();
    users::insert_many(&mut tx, &[(user, Some(kind.sample()))], app.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
}

/// Fails to log in from a client address that a trusted proxy reports.
async fn attempt(app: &TestApp, address: &str, id: &str) -> StatusCode {
    let browser = app.browser();
    let request = browser.request(Method::POST, routes::LOGIN).header("x-forwarded-for", address);
    let body = json!({"email": format!("{id}@example.com"), "password": "wrong"});
    request.json(&body).send().await.unwrap().status()
}

async fn start(threads: usize) -> Arc<TestApp> {
    let app = TestApp::start_with(|config| {
        config.core.password_hash_threads = threads;
        config.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    });
    Arc::new(app.await)
}

/// Makes concurrent attempts, each from an address and for a user. Returns the number of verified passwords.
fn flood(app: &Arc<TestApp>, attempts: &[(&str, &str)]) -> (JoinSet<StatusCode>, Arc<AtomicUsize>) {
    let checked = Arc::<AtomicUsize>::default();
    let mut flood = JoinSet::new();
    for (address, id) in attempts {
        let (app, checked) = (Arc::clone(app), Arc::clone(&checked));
        let (address, id) = ((*address).to_owned(), (*id).to_owned());
        flood.spawn(async move {
            let status = attempt(&app, &address, &id).await;
            checked.fetch_add(usize::from(status == StatusCode::UNAUTHORIZED), Ordering::Relaxed);
            status
        });
    }
    (flood, checked)
}

#[tokio::test(flavor = "multi_thread")]
async fn legacy_hash_flood_does_not_delay_other_logins() {
    let app = start(1).await;
    import(&app, "p", DEAR).await;
    // Verified one after the other, they take many seconds.
    let (mut flood, checked) = flood(&app, &[("192.0.2.1", "p"); 30]);
    eventually("the flood is there", || async { app.hasher().pending() > 0 }).await;
    let begun = Instant::now();
    app.signed_in().await;
    assert!(checked.load(Ordering::Relaxed) < 10, "it waited for {checked:?} others");
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    while let Some(status) = flood.join_next().await {
        let status = status.unwrap();
        assert!(
            matches!(
                status,
                StatusCode::UNAUTHORIZED | StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
            ),
            "{status}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn legacy_checks_run_one_per_account_and_network() {
    let app = start(8).await;
    for id in ["p", "q"] {
        import(&app, id, HashKind::Pbkdf2 { is_sha512: false, rounds: 2_000, blocks: 1 }).await;
    }
    hash_kinds::share(&app.db, app.hasher()).await.unwrap();
    app.hasher().measure_stored_kinds().await.unwrap();
    let one_account = [("192.0.2.1", "p"), ("192.0.2.2", "p")];
    let one_network = [("2001:db8::1", "p"), ("2001:db8::2", "q")];
    for attempts in [&one_account[..], &one_network[..]] {
        let before = app.hashes();
        let (mut flood, _) = flood(&app, attempts);
        let mut most = 0;
        while !flood.is_empty() {
            most = most.max(app.hasher().pending());
            if let Some(status) = flood.try_join_next() {
                assert_eq!(status.unwrap(), StatusCode::UNAUTHORIZED);
            }
            tokio::task::yield_now().await;
        }
        assert_eq!(app.hashes() - before, attempts.len() as u64);
        assert_eq!(most, 1, "checks at once: {attempts:?}");
    }
}

/// Returns the median times of failed logins of these users, which take turns.
async fn medians(app: &TestApp, ids: &[&str]) -> Vec<Duration> {
    let mut times = vec![Vec::new(); ids.len()];
    for round in 0..5 {
        for (id, times) in ids.iter().zip(&mut times) {
            let address = format!("192.0.2.{round}");
            let begun = Instant::now();
            assert_eq!(attempt(app, &address, id).await, StatusCode::UNAUTHORIZED, "{id}");
            times.push(begun.elapsed());
        }
    }
    times.iter_mut().for_each(|times| times.sort());
    times.iter().map(|times| times[2]).collect()
}

/// The tolerance allows for a busy machine; `make bench-timing` measures more precisely.
fn assert_alike(ids: &[&str], medians: &[Duration]) {
    let (least, most) = (medians.iter().min().unwrap(), medians.iter().max().unwrap());
    assert!(most.as_secs_f64() / least.as_secs_f64() < 1.5, "{ids:?}: {medians:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures time: for a quiet machine, like make bench-timing"]
async fn failed_login_time_is_equal_for_all_hash_kinds() {
    let app = start(2).await;
    import(&app, "p", DEAR).await;
    import(&app, "b", DEARER).await;
    app.add_user("none", "none@example.com", "None", None).await;
    // The server does this every minute.
    hash_kinds::share(&app.db, app.hasher()).await.unwrap();
    app.hasher().measure_stored_kinds().await.unwrap();
    let ids = ["unknown", "test", "none", "p", "b"];
    assert_alike(&ids, &medians(&app, &ids).await);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures time: for a quiet machine, like make bench-timing"]
async fn failed_login_time_is_equal_after_cost_increase() {
    let app = TestApp::start_with(|config| {
        config.core.argon2 = params(32 * 1024, 4).unwrap();
        config.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    })
    .await;
    import(&app, "old", HashKind::Argon2 { is_own_form: true, memory_kib: 64, passes: 1 }).await;
    // The first hash of a server is the slowest.
    app.signed_in().await;
    let ids = ["unknown", "test", "old"];
    assert_alike(&ids, &medians(&app, &ids).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn hash_kinds_are_remembered_across_restart() {
    let app = TestApp::start().await;
    let kinds = "SELECT count(*) FROM password_hash_kinds";
    assert_eq!(app.count(kinds).await, 1, "its own");
    import(&app, "p", DEAR).await;
    import(&app, "q", DEAR).await;
    assert_eq!(app.count(kinds).await, 2);
    let app = app.restart().await;
    eventually("the kind that was stored is measured", || async { app.hashes() > 0 }).await;
}
