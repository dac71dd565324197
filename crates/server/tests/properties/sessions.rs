//! Properties of the lifetime of sessions.

use super::for_all_with_db;
use cometchat_auth::db::Db;
use cometchat_auth::params;
use cometchat_auth::sessions::{self, Lifetime, NewSession, SessionOrigin, Token};
use cometchat_auth::users::{self, User};
use proptest::collection::vec;
use proptest::prelude::*;

/// The resolution of `last_seen_at`, in seconds.
const TOUCH_SECONDS: i64 = 5 * 60;
const CREATED: i64 = 1_000_000;

#[derive(Debug, Clone)]
enum Event {
    Pass(i64),
    SetBack(i64),
    Use,
    Sweep,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        4 => prop_oneof![0..1_500i64, 0..22_500i64].prop_map(Event::Pass),
        1 => (0..4_500i64).prop_map(Event::SetBack),
        4 => Just(Event::Use),
        1 => Just(Event::Sweep),
    ];
    vec(event, 1..25)
}

async fn begin(db: &Db, token: &Token, lifetime: Lifetime) {
    let mut tx = db.begin().await.unwrap();
    tx.execute("DELETE FROM sessions", &[]).await.unwrap();
    let ada = User { id: "ada".into(), email: "ada@example.com".into(), name: "Ada".into() };
    users::upsert(&mut tx, &ada, CREATED).await.unwrap();
    let device = SessionOrigin { user_agent: String::new(), address: String::new() };
    let issue = NewSession {
        token,
        user_id: "ada",
        password: None,
        origin: &device,
        chat_token: None,
        replaces: None,
    };
    assert!(sessions::create(&mut tx, issue, lifetime, CREATED).await.unwrap().is_some());
    tx.commit().await.unwrap();
}

async fn expires_at(db: &Db, token: &Token) -> Option<i64> {
    let sql = "SELECT expires_at FROM sessions WHERE token_hash = $1";
    let found: Option<(i64,)> = db.fetch_optional(sql, params![token.hash()]).await.unwrap();
    found.map(|(expires_at,)| expires_at)
}

#[test]
fn session_lifetime_respects_idle_and_maximum_age() {
    let lifetime = (3_000..30_000i64, 3_000..90_000i64).prop_map(|(idle, max)| Lifetime { idle, max });
    for_all_with_db(48, (lifetime, events()), async |db, (lifetime, events)| {
        let token = Token::generate();
        begin(db, &token, lifetime).await;
        let end = CREATED + lifetime.max;
        let (mut now, mut used_at, mut swept) = (CREATED, CREATED, false);
        for event in events {
            let before = expires_at(db, &token).await;
            match event {
                Event::Pass(seconds) => now += seconds,
                Event::SetBack(seconds) => now -= seconds,
                Event::Sweep => {
                    sessions::delete_expired(db, now, 200).await.unwrap();
                    swept |= before.is_some_and(|expires_at| expires_at <= now);
                    prop_assert_eq!(
                        expires_at(db, &token).await.is_none(),
                        swept,
                        "just what has expired is gone"
                    );
                }
                Event::Use => {
                    let lives = sessions::find_active(db, &token, lifetime, now).await.unwrap().is_some();
                    prop_assert!(!lives || now < end, "past its greatest age");
                    prop_assert!(!lives || now - used_at < lifetime.idle, "past its idle limit");
                    let must_live = !swept && now < end && now - used_at < lifetime.idle - TOUCH_SECONDS;
                    prop_assert!(lives || !must_live, "ended before its time");
                    if lives {
                        used_at = used_at.max(now);
                    }
                    let after = expires_at(db, &token).await;
                    prop_assert!(after >= before, "shortened by being used: {before:?}, then {after:?}");
                    prop_assert!(after.is_none_or(|expires_at| expires_at <= end));
                }
            }
        }
        Ok(())
    });
}
