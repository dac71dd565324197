//! What the database layer promises, on both databases.

use crate::common::{eventually, is_on_postgres, new_database};
use cometchat_auth::crypto::sha256_hex;
use cometchat_auth::db::{Db, DbError, Tx};
use cometchat_auth::sessions::{self, Lifetime, NewSession, SessionOrigin, Token, VerifiedPassword};
use cometchat_auth::users::{self, User};
use cometchat_auth::values;
use tempfile::TempDir;

const INSERT: &str = "INSERT INTO used_assertions (id_hash, expires_at) VALUES ($1, 0)";

async fn open() -> (Db, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (Db::open(&new_database(folder.path()).await).await.unwrap(), folder)
}

async fn count(db: &Db, sql: &'static str) -> i64 {
    db.read(sql, &[]).await.unwrap()[0].int(0).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_last_statement_rolls_back_transaction() {
    let (db, _folder) = open().await;
    let mut tx = db.begin().await.unwrap();
    tx.run(INSERT, values!["one"]).await.unwrap();
    let failed = tx.run_and_commit(INSERT, values!["one"]).await;
    assert!(matches!(failed, Err(DbError::Duplicate)));
    assert_eq!(count(&db, "SELECT count(*) FROM used_assertions").await, 0);

    let mut tx = db.begin().await.unwrap();
    tx.run(INSERT, values!["one"]).await.unwrap();
    tx.run_and_commit(INSERT, values!["two"]).await.unwrap();
    assert_eq!(count(&db, "SELECT count(*) FROM used_assertions").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn single_statement_transaction_is_atomic() {
    let (db, _folder) = open().await;
    let tx = db.begin().await.unwrap();
    let done = tx.run_and_commit(INSERT, values!["one"]).await.unwrap();
    assert_eq!(done.affected, 1);
    let tx = db.begin().await.unwrap();
    let failed = tx.run_and_commit(INSERT, values!["one"]).await;
    assert!(matches!(failed, Err(DbError::Duplicate)));
    assert_eq!(count(&db, "SELECT count(*) FROM used_assertions").await, 1);
    // Its connection is as good as new.
    let tx = db.begin().await.unwrap();
    tx.run_and_commit(INSERT, values!["two"]).await.unwrap();
    assert_eq!(count(&db, "SELECT count(*) FROM used_assertions").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn deadlock_victim_is_unavailable_other_commits() {
    // SQLite writes one at a time.
    if !is_on_postgres() {
        return;
    }
    let (db, _folder) = open().await;
    for name in ["one", "two"] {
        db.write(INSERT, values![name]).await.unwrap();
    }
    let touch = "UPDATE used_assertions SET expires_at = expires_at + 1 WHERE id_hash = $1";
    let (mut first, mut second) = (db.begin().await.unwrap(), db.begin().await.unwrap());
    drop(db.begin().await.unwrap());
    let open = db.connections().0;
    first.run(touch, values!["one"]).await.unwrap();
    second.run(touch, values!["two"]).await.unwrap();
    let and_commit = async |mut tx: Tx, name| {
        tx.run(touch, values![name]).await?;
        tx.commit().await
    };
    let ends = tokio::join!(and_commit(first, "two"), and_commit(second, "one"));
    let (done, given_up) = if ends.0.is_ok() { ends } else { (ends.1, ends.0) };
    done.unwrap();
    assert!(matches!(given_up, Err(DbError::Unavailable(_))), "{given_up:?}");
    assert_eq!(db.connections().0, open, "nothing is wrong with any connection");
    assert_eq!(count(&db, "SELECT CAST(sum(expires_at) AS BIGINT) FROM used_assertions").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn session_is_not_issued_during_password_change() {
    // SQLite writes one at a time.
    if !is_on_postgres() {
        return;
    }
    let (db, _folder) = open().await;
    let ada = User { id: "ada".into(), email: "ada@example.com".into(), name: "Ada".into() };
    let mut tx = db.begin().await.unwrap();
    users::insert(&mut tx, &ada, "old", 0).await.unwrap();
    tx.commit().await.unwrap();
    let changes = [
        "UPDATE users SET password_hash = 'new', password_version = password_version + 1 WHERE id = $1",
        "DELETE FROM users WHERE id = $1",
    ];
    for (version, change) in (0..).zip(changes) {
        let mut changing = db.begin().await.unwrap();
        changing.run(change, values!["ada"]).await.unwrap();
        let issued = async {
            let (token, lifetime) = (Token::generate(), Lifetime { idle: 9, max: 9 });
            let device = SessionOrigin { user_agent: String::new(), address: String::new() };
            let issue = NewSession {
                token: &token,
                user_id: "ada",
                proof: Some(&VerifiedPassword { password_version: version, account: String::new() }),
                device: &device,
                chat_token: None,
                replaces: None,
            };
            sessions::create(db.begin().await.unwrap(), issue, lifetime, 0).await.unwrap()
        };
        let changed = async {
            eventually("the session waits for the change", || async {
                let waiting = "SELECT count(*) FROM pg_stat_activity
                               WHERE datname = current_database() AND wait_event_type = 'Lock'";
                count(&db, waiting).await == 1
            })
            .await;
            changing.commit().await.unwrap();
        };
        assert!(tokio::join!(issued, changed).0.is_none(), "{change}");
    }
    assert_eq!(count(&db, "SELECT count(*) FROM sessions").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn first_statement_reports_own_affected_rows() {
    let (db, _folder) = open().await;
    db.write(INSERT, values!["one"]).await.unwrap();
    let delete = "DELETE FROM used_assertions WHERE id_hash = $1";
    let mut tx = db.begin().await.unwrap();
    assert_eq!(tx.run(delete, values!["another"]).await.unwrap().affected, 0);
    assert_eq!(tx.run(delete, values!["one"]).await.unwrap().affected, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn users_added_in_bulk_have_no_old_failures() {
    let (db, _folder) = open().await;
    let user =
        |id: &str| User { id: id.into(), email: format!("{id}@example.com"), name: "O'Neil \"x\"".into() };
    let mut tx = db.begin().await.unwrap();
    // Somebody has tried passwords on this address.
    let account = sha256_hex(b"grace@example.com");
    let failure =
        "INSERT INTO login_failures (key_hash, account_hash, failures, last_at) VALUES ($1, $1, 99, 0)";
    tx.run(failure, values![&account]).await.unwrap();
    users::insert_many(&mut tx, &[(user("ada"), "a".into()), (user("grace"), String::new())], 2)
        .await
        .unwrap();
    tx.commit().await.unwrap();

    let found = users::find_by_email(&db, "Ada@example.com").await.unwrap().unwrap();
    assert_eq!((found.user, found.password_hash.as_deref()), (user("ada"), Some("a")));
    assert_eq!(users::find(&db, "grace").await.unwrap(), Some(user("grace")));
    assert_eq!(count(&db, "SELECT count(*) FROM login_failures").await, 0);
    assert_eq!(count(&db, "SELECT count(*) FROM chat_jobs WHERE kind = 'sync_user' AND run_at = 2").await, 2);
}
