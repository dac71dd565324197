//! Consistency checks between the database and CometChat. One holds at any time, after every failure; the other when no
//! job is left.

use crate::{TestEmulator, Users, poll};
use cometchat_auth::crypto::seal::{Sealer, SecretKey};
use cometchat_auth::db::Db;
use std::collections::BTreeSet;

/// Compares the users and chat tokens of the database and of CometChat.
pub struct ConsistencyChecker {
    emulator: TestEmulator,
    pub db: Db,
    sealer: Sealer,
}

impl ConsistencyChecker {
    /// Creates a checker with the test's own connection to the database.
    pub fn new(emulator: TestEmulator, db: Db) -> Self {
        Self { emulator, db, sealer: Sealer::new(&SecretKey::new([7; 32]), &[]) }
    }

    /// Returns the users of CometChat with their tokens in order.
    pub async fn cometchat_users(&self) -> Users {
        let mut users = self.emulator.users().await;
        users.values_mut().for_each(|(_, tokens)| tokens.sort());
        users
    }

    /// Returns the users of the database with the tokens of their sessions, which CometChat should have.
    pub async fn database_users(&self) -> Users {
        self.database_state().await.users
    }

    /// Loads users, sessions and jobs in one statement, which sees no partial transaction.
    async fn database_state(&self) -> DatabaseState {
        #[derive(sqlx::FromRow)]
        struct NotedRow {
            kind: String,
            uid: String,
            text: Option<String>,
        }
        let sql = "SELECT 'user' AS kind, id AS uid, name AS text FROM users
                   UNION ALL SELECT 'session', user_id, chat_token_sealed FROM sessions
                   UNION ALL SELECT kind, uid, payload_sealed FROM chat_jobs ORDER BY 1 DESC";
        let mut state = DatabaseState::default();
        for NotedRow { kind, uid, text } in self.db.fetch_all(sql, &[]).await.unwrap() {
            let opened = |sealed: &str| self.sealer.open(&uid, sealed).unwrap().to_string();
            match kind.as_str() {
                "user" => {
                    state.users.insert(uid, (text.unwrap(), Vec::new()));
                }
                "session" => {
                    // `user` sorts last, so it was read first.
                    let (_, tokens) = state.users.get_mut(&uid).expect("a session without a user");
                    tokens.extend(text.map(|sealed| opened(&sealed)));
                }
                "revoke_token" => {
                    state.to_revoke.insert(opened(&text.unwrap()));
                }
                "sync_user" => {
                    state.to_sync.insert(uid);
                }
                "reconcile_tokens" => {
                    state.to_reconcile.insert(uid);
                }
                kind => panic!("a job of kind {kind}"),
            }
        }
        state.users.values_mut().for_each(|(_, tokens)| tokens.sort());
        state
    }

    /// Panics unless a job exists for each difference between the two sides: no user without its copy at CometChat, no
    /// session without a user, no token at CometChat that neither a session has nor a job will revoke.
    pub async fn assert_no_orphans(&self) {
        // Users and tokens that CometChat has both before and after, it also has while the database is read.
        let before = self.cometchat_users().await;
        let state = self.database_state().await;
        let after = self.cometchat_users().await;
        let has_name =
            |users: &Users, uid: &str, name: &str| users.get(uid).is_some_and(|user| user.0 == name);
        for (uid, (name, _)) in &state.users {
            let is_there = has_name(&before, uid, name) || has_name(&after, uid, name);
            assert!(is_there || state.to_sync.contains(uid), "no job will send {uid}, {name} to CometChat");
        }
        for (uid, (_, tokens)) in &before {
            let Some((_, still)) = after.get(uid) else { continue };
            let is_looked_at = state.to_sync.contains(uid) || state.to_reconcile.contains(uid);
            let ours = state.users.get(uid).map(|(_, tokens)| tokens);
            assert!(ours.is_some() || is_looked_at, "no job will delete {uid} at CometChat");
            for token in tokens.iter().filter(|token| still.contains(token)) {
                let is_known =
                    ours.is_some_and(|ours| ours.contains(token)) || state.to_revoke.contains(token);
                let is_found = state.to_reconcile.contains(uid) || (ours.is_none() && is_looked_at);
                assert!(is_known || is_found, "no job will revoke {token}");
            }
        }
    }

    /// Returns whether no job is left.
    pub async fn has_no_jobs(&self) -> bool {
        let left: Option<(String,)> =
            self.db.fetch_optional("SELECT id FROM chat_jobs LIMIT 1", &[]).await.unwrap();
        left.is_none()
    }

    /// Panics unless both sides have the same users and tokens, as they must when no job is left.
    pub async fn assert_in_sync(&self) {
        assert_eq!(self.database_users().await, self.cometchat_users().await);
    }

    /// Waits until no job is left, and asserts that both sides are in sync.
    pub async fn wait_until_consistent(&self) {
        if poll(async || self.has_no_jobs().await.then_some(())).await.is_some() {
            return self.assert_in_sync().await;
        }
        let sql =
            "SELECT kind || ' ' || uid || ' ' || COALESCE(last_error, '') || ' ' || parked FROM chat_jobs";
        let left: Vec<(String,)> = self.db.fetch_all(sql, &[]).await.unwrap();
        panic!("pending jobs: {left:#?}");
    }
}

/// The state of the database that concerns CometChat.
#[derive(Default)]
struct DatabaseState {
    users: Users,
    to_revoke: BTreeSet<String>,
    /// The users of the jobs `sync_user` and `reconcile_tokens`.
    to_sync: BTreeSet<String>,
    to_reconcile: BTreeSet<String>,
}
