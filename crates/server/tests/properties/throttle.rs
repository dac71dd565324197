//! Properties of the limits on login attempts.

use super::{for_all, for_all_with_db};
use cometchat_auth::auth::login;
use cometchat_auth::clock::Clock;
use cometchat_auth::crypto::seal::SecretKey;
use cometchat_auth::db::Db;
use cometchat_auth::throttle::device_cookie::{DeviceBinding, DeviceCookie, DeviceCookieSigner};
use cometchat_auth::throttle::lockout::{Failures, Lockout, Scope};
use cometchat_auth::throttle::token_bucket::AddressLimit;
use cometchat_auth::throttle::{self, AttemptKeys};
use cometchat_auth::users::{self, User};
use proptest::collection::vec;
use proptest::prelude::*;
use std::net::IpAddr;
use std::time::Duration;

const MAX_WAIT: i64 = 900;
/// Failed logins in a row that lock an account, or end the trust in a device.
const MAX_FAILURES: u32 = 100;

/// Loads the state that the next attempt of a client with these keys meets.
async fn throttle_state(db: &Db, keys: &AttemptKeys, now: i64) -> throttle::ThrottleState {
    let state = login::load_login_state(db, "", keys).await.unwrap();
    throttle::evaluate(keys, state.failures, now)
}

/// Orders lockouts by the time that they take.
fn weight(lockout: Lockout) -> i64 {
    match lockout {
        Lockout::Allowed => 0,
        Lockout::RetryAfter(seconds) => seconds,
        Lockout::Locked => i64::MAX,
    }
}

#[test]
fn backoff_never_shrinks_and_never_exceeds_maximum() {
    let scope = prop_oneof![Just(Scope::Address), Just(Scope::Device), Just(Scope::Account)];
    let count = prop_oneof![0..200i64, 0..=i64::MAX];
    let time = || prop_oneof![-2_000..2_000i64, 0..200_000i64, any::<i64>()];
    for_all(20_000, (scope, count, time(), time()), |(scope, count, last_at, now)| {
        let before = Failures { count, last_at };
        let lockout = before.lockout(scope, now);
        if let Lockout::RetryAfter(seconds) = lockout {
            prop_assert!((1..=MAX_WAIT).contains(&seconds));
        }
        let after = before.with_failure(now).lockout(scope, now);
        prop_assert!(weight(after) >= weight(lockout), "{lockout:?}, then {after:?}");
        Ok(())
    });
}

#[derive(Debug, Clone)]
enum Event {
    Fail { network: u8, trusted: bool, times: u8 },
    Succeed { network: u8, trusted: bool },
    Pass(i64),
    SetBack(i64),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        4 => (0..2u8, any::<bool>(), prop_oneof![9 => 1..10u8, 1 => Just(100)])
            .prop_map(|(network, trusted, times)| Event::Fail { network, trusted, times }),
        1 => (0..2u8, any::<bool>()).prop_map(|(network, trusted)| Event::Succeed { network, trusted }),
        2 => (0..2_000i64).prop_map(Event::Pass),
        1 => (0..200_000i64).prop_map(Event::SetBack),
    ];
    vec(event, 1..12)
}

#[test]
fn backoff_ends_and_hides_account_existence() {
    let devices = DeviceCookieSigner::new(&SecretKey::new([1; 32]), &[]);
    let keys = |email: &str, network: u8, trusted: bool| {
        let cookie = devices.issue(DeviceBinding { user_id: email, password_version: 1 }, None);
        let cookie = DeviceCookie::read(&cookie).unwrap();
        AttemptKeys::new(email, IpAddr::from([192, 0, 2, network]), trusted.then_some(&cookie.device))
    };
    // Unknown browsers in two networks, and two browsers that the owner has logged in with.
    let clients = |email: &str| {
        [(0, false), (1, false), (0, true), (1, true)].map(|(network, trusted)| keys(email, network, trusted))
    };
    for_all_with_db(24, events(), async |db, events| {
        let accounts = [clients("ada@example.com"), clients("unknown@example.com")];
        let index = |network: u8, trusted: bool| usize::from(network) + if trusted { 2 } else { 0 };
        let mut now = 1_000_000;
        // Failures in a row of each client.
        let mut failures = [0_u32; 4];
        let mut tx = db.begin().await.unwrap();
        tx.execute("DELETE FROM login_failures", &[]).await.unwrap();
        let ada = User { id: "ada".into(), email: "ada@example.com".into(), name: "Ada".into() };
        users::upsert(&mut tx, &ada, now).await.unwrap();
        tx.commit().await.unwrap();
        for event in events {
            match event {
                Event::Fail { network, trusted, times } => {
                    failures[index(network, trusted)] += u32::from(times);
                    for clients in &accounts {
                        let before = throttle_state(db, &clients[2], now).await.lockout;
                        for _ in 0..times {
                            throttle::record_failure(db, &clients[index(network, trusted)], now)
                                .await
                                .unwrap();
                        }
                        let after = throttle_state(db, &clients[2], now).await.lockout;
                        prop_assert!(
                            trusted || failures[2] >= MAX_FAILURES || after == before,
                            "other clients' failures delay the owner's browser"
                        );
                    }
                }
                Event::Succeed { network, trusted } => {
                    for clients in &accounts {
                        let client = &clients[index(network, trusted)];
                        let before = throttle_state(db, client, now).await;
                        if before.lockout != Lockout::Allowed {
                            // The server verifies no password.
                            continue;
                        }
                        failures[index(network, trusted)] = 0;
                        throttle::record_success(db, client, before.account.is_none()).await.unwrap();
                        let after = throttle_state(db, client, now).await;
                        prop_assert_eq!((after.lockout, after.has_failures), (Lockout::Allowed, false));
                    }
                }
                Event::Pass(seconds) => now += seconds,
                Event::SetBack(seconds) => now -= seconds,
            }
            for (known, unknown) in accounts[0].iter().zip(&accounts[1]) {
                let known = throttle_state(db, known, now).await.lockout;
                let unknown = throttle_state(db, unknown, now).await.lockout;
                prop_assert_eq!(known, unknown);
                prop_assert!(weight(known) <= MAX_WAIT || known == Lockout::Locked);
            }
        }
        // Twice the longest wait, because the clock may have been set back by less than it.
        let later = now + 2 * MAX_WAIT;
        for ((client, failures), is_known) in accounts[0].iter().zip(failures).zip([false, false, true, true])
        {
            let lockout = throttle_state(db, client, later).await.lockout;
            prop_assert!(matches!(lockout, Lockout::Allowed | Lockout::Locked), "{lockout:?}");
            let is_trusted = is_known && failures < MAX_FAILURES;
            prop_assert!(!is_trusted || lockout == Lockout::Allowed, "the owner's browser is locked out");
        }
        Ok(())
    });
}

#[test]
fn rate_limit_grants_burst_plus_refill_at_most() {
    #[derive(Debug, Clone)]
    enum Event {
        Take,
        Pass(u64),
        SetBack(i64),
    }
    let event = prop_oneof![
        6 => Just(Event::Take),
        2 => (0..20_000u64).prop_map(Event::Pass),
        1 => (0..900i64).prop_map(Event::SetBack),
    ];
    for_all(500, (1..60u32, vec(event, 1..100)), |(per_minute, events)| {
        let clock = Clock::manual(1_000_000);
        let limit = AddressLimit::per_minute(per_minute, clock.clone());
        let client = IpAddr::from([192, 0, 2, 1]);
        let (mut taken, mut passed) = (0.0, 0.0);
        for event in events {
            match event {
                Event::Pass(millis) => {
                    clock.advance(Duration::from_millis(millis));
                    passed += millis as f64 / 60_000.0;
                }
                Event::SetBack(seconds) => clock.step(-seconds),
                Event::Take => {
                    taken += 1.0;
                    if let Err(wait) = limit.take(client) {
                        prop_assert!(wait <= Duration::from_secs(60) / per_minute, "{wait:?}");
                        // The clock has a resolution of a millisecond.
                        let wait = wait + Duration::from_millis(1);
                        clock.advance(wait);
                        passed += wait.as_secs_f64() / 60.0;
                        prop_assert_eq!(limit.take(client), Ok(()), "allowed after the announced wait");
                    }
                    let granted = f64::from(per_minute) * (1.0 + passed);
                    prop_assert!(taken <= granted + 0.001, "{taken} of {granted}");
                }
            }
        }
        Ok(())
    });
}
