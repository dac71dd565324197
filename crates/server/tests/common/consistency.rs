//! What must hold between the database and CometChat: at every moment, whatever has just failed or been killed,
//! and in the end, when nothing is left to do.

use cometchat_auth::crypto::seal::{Sealer, SecretKey};
use cometchat_auth::db::Db;
use reqwest::Client;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The key that the tests' servers seal chat tokens with, as `SECRET_KEY` takes it.
pub const SECRET_KEY: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";

/// Names and chat tokens, by user.
pub type Users = BTreeMap<String, (String, Vec<String>)>;

/// Both sides, as a test sees them.
pub struct Agreement {
    http: Client,
    emulator: String,
    db: Db,
    sealer: Sealer,
}

impl Agreement {
    /// `db` is the test's own way to the database.
    pub fn new(emulator: &str, db: Db) -> Self {
        Self {
            http: super::client(),
            emulator: emulator.into(),
            db,
            sealer: Sealer::new(&SecretKey::new([7; 32]), &[]),
        }
    }

    /// What CometChat has.
    pub async fn theirs(&self) -> Users {
        let url = format!("{}/emulator/state", self.emulator);
        let state: Value = self.http.get(url).send().await.unwrap().json().await.unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let known = |user: &Value| {
            let mut tokens: Vec<_> = user["tokens"].as_array().unwrap().iter().map(text).collect();
            tokens.sort();
            tokens.iter().for_each(|token| super::canary::secret(token));
            (text(&user["uid"]), (text(&user["name"]), tokens))
        };
        state["users"].as_array().unwrap().iter().map(known).collect()
    }

    /// What the database says that CometChat should have: the names, and the tokens of sessions.
    pub async fn ours(&self) -> Users {
        self.noted().await.users
    }

    /// All of it at one moment: a single statement sees no half of a change.
    async fn noted(&self) -> Noted {
        #[derive(sqlx::FromRow)]
        struct NotedRow {
            kind: String,
            uid: String,
            text: Option<String>,
        }
        let sql = "SELECT 'user' AS kind, id AS uid, name AS text FROM users
                   UNION ALL SELECT 'session', user_id, chat_token_sealed FROM sessions
                   UNION ALL SELECT kind, uid, payload_sealed FROM chat_jobs ORDER BY 1 DESC";
        let mut noted = Noted::default();
        for NotedRow { kind, uid, text } in self.db.fetch_all(sql, &[]).await.unwrap() {
            let opened = |sealed: &str| self.sealer.open(&uid, sealed).unwrap().to_string();
            match kind.as_str() {
                "user" => {
                    noted.users.insert(uid, (text.unwrap(), Vec::new()));
                }
                "session" => {
                    // `user` sorts last, so it was read first.
                    let (_, tokens) = noted.users.get_mut(&uid).expect("a session without a user");
                    tokens.extend(text.map(|sealed| opened(&sealed)));
                }
                "revoke_token" => {
                    noted.to_revoke.insert(opened(&text.unwrap()));
                }
                "sync_user" => {
                    noted.to_look_at.insert(uid);
                }
                "reconcile_tokens" => {
                    noted.to_check.insert(uid);
                }
                kind => panic!("a job of kind {kind}"),
            }
        }
        noted.users.values_mut().for_each(|(_, tokens)| tokens.sort());
        noted
    }

    /// Fails unless everything that one side lacks is going to be done: no half user, no session without a user, no
    /// token at CometChat that neither a session has nor a job will find. Holds at any moment.
    pub async fn holds(&self) {
        // What CometChat has before and after a look at the database, it has at the moment of the look.
        let before = self.theirs().await;
        let noted = self.noted().await;
        let after = self.theirs().await;
        let has_name =
            |users: &Users, uid: &str, name: &str| users.get(uid).is_some_and(|user| user.0 == name);
        for (uid, (name, _)) in &noted.users {
            let is_there = has_name(&before, uid, name) || has_name(&after, uid, name);
            assert!(
                is_there || noted.to_look_at.contains(uid),
                "nobody will tell CometChat of {uid}, {name}"
            );
        }
        for (uid, (_, tokens)) in &before {
            let Some((_, still)) = after.get(uid) else { continue };
            let is_looked_at = noted.to_look_at.contains(uid) || noted.to_check.contains(uid);
            let ours = noted.users.get(uid).map(|(_, tokens)| tokens);
            assert!(ours.is_some() || is_looked_at, "nobody will delete {uid} at CometChat");
            for token in tokens.iter().filter(|token| still.contains(token)) {
                let is_known =
                    ours.is_some_and(|ours| ours.contains(token)) || noted.to_revoke.contains(token);
                let is_found = noted.to_check.contains(uid) || (ours.is_none() && is_looked_at);
                assert!(is_known || is_found, "nobody will revoke {token}");
            }
        }
    }

    /// Whether nothing is left to be done at CometChat.
    pub async fn is_settled(&self) -> bool {
        let left: Option<(String,)> =
            self.db.fetch_optional("SELECT id FROM chat_jobs LIMIT 1", &[]).await.unwrap();
        left.is_none()
    }

    /// Fails unless both sides have the same, to the last token: so it must be when nothing is left to do.
    pub async fn is_complete(&self) {
        assert_eq!(self.ours().await, self.theirs().await);
    }

    /// Waits until nothing is left to do, by the system's clock, and then both sides must have the same.
    pub async fn comes_about(&self) {
        let mut looks = tokio::time::interval(Duration::from_millis(50));
        for _ in 0..1200 {
            looks.tick().await;
            if self.is_settled().await {
                return self.is_complete().await;
            }
        }
        let sql =
            "SELECT kind || ' ' || uid || ' ' || COALESCE(last_error, '') || ' ' || parked FROM chat_jobs";
        let left: Vec<(String,)> = self.db.fetch_all(sql, &[]).await.unwrap();
        panic!("still to be done: {left:#?}");
    }
}

/// The database's side.
#[derive(Default)]
struct Noted {
    users: Users,
    to_revoke: BTreeSet<String>,
    /// Users whom a job looks at, and users whose tokens one looks at.
    to_look_at: BTreeSet<String>,
    to_check: BTreeSet<String>,
}
