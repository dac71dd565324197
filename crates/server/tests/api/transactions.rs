//! Tests of the guarantees of the database layer, on both databases.

use cometchat_auth::crypto::sha256_hex;
use cometchat_auth::db::{Db, DbError, Tx};
use cometchat_auth::params;
use cometchat_auth::sessions::{self, Lifetime, NewSession, SessionOrigin, Token, VerifiedPassword};
use cometchat_auth::users::{self, User};
use tempfile::TempDir;
use test_support::{eventually, new_database, uses_postgres};

const INSERT: &str = "INSERT INTO used_assertions (id_hash, expires_at) VALUES ($1, 0)";

async fn open() -> (Db, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (Db::open(&new_database(folder.path()).await).await.unwrap(), folder)
}

async fn count(db: &Db, sql: &'static str) -> i64 {
    db.fetch_all::<(i64,)>(sql, &[]).await.unwrap()[0].0
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_last_statement_rolls_back_transaction() {
    let (db, _folder) = open().await;
    let mut tx = db.begin().await.unwrap();
    tx.execute(INSERT, params!["one"]).await.unwrap();
    let failed = tx.execute(INSERT, params!["one"]).await;
    assert!(matches!(failed, Err(DbError::Duplicate)));
    drop(tx);
    assert_eq!(count(&db, "SELECT count(*) FROM used_assertions").await, 0);

    let mut tx = db.begin().await.unwrap();
    tx.execute(INSERT, params!["one"]).await.unwrap();
    tx.execute(INSERT, params!["two"]).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(count(&db, "SELECT count(*) FROM used_assertions").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn single_statement_transaction_is_atomic() {
    let (db, _folder) = open().await;
    assert_eq!(db.execute(INSERT, params!["one"]).await.unwrap(), 1);
    let failed = db.execute(INSERT, params!["one"]).await;
    assert!(matches!(failed, Err(DbError::Duplicate)));
    assert_eq!(count(&db, "SELECT count(*) FROM used_assertions").await, 1);
    // The failed statement leaves its connection usable.
    db.execute(INSERT, params!["two"]).await.unwrap();
    assert_eq!(count(&db, "SELECT count(*) FROM used_assertions").await, 2);
    drop(db.begin().await.unwrap());
    assert_eq!(count(&db, "SELECT count(*) FROM used_assertions").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn deadlock_victim_is_unavailable_other_commits() {
    // SQLite runs one write transaction at a time.
    if !uses_postgres() {
        return;
    }
    let (db, _folder) = open().await;
    for name in ["one", "two"] {
        db.execute(INSERT, params![name]).await.unwrap();
    }
    let touch = "UPDATE used_assertions SET expires_at = expires_at + 1 WHERE id_hash = $1";
    let (mut first, mut second) = (db.begin().await.unwrap(), db.begin().await.unwrap());
    drop(db.begin().await.unwrap());
    let open = db.connections().0;
    first.execute(touch, params!["one"]).await.unwrap();
    second.execute(touch, params!["two"]).await.unwrap();
    let and_commit = async |mut tx: Tx, name| {
        tx.execute(touch, params![name]).await?;
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
    // SQLite runs one write transaction at a time.
    if !uses_postgres() {
        return;
    }
    let (db, _folder) = open().await;
    let ada = User { id: "ada".into(), email: "ada@example.com".into(), name: "Ada".into() };
    let mut tx = db.begin().await.unwrap();
    users::insert(&mut tx, &ada, Some("old"), 0).await.unwrap();
    tx.commit().await.unwrap();
    let changes = [
        "UPDATE users SET password_hash = 'new', password_version = password_version + 1 WHERE id = $1",
        "DELETE FROM users WHERE id = $1",
    ];
    for (version, change) in (0..).zip(changes) {
        let mut changing = db.begin().await.unwrap();
        changing.execute(change, params!["ada"]).await.unwrap();
        let issued = async {
            let (token, lifetime) = (Token::generate(), Lifetime { idle: 9, max: 9 });
            let device = SessionOrigin { user_agent: String::new(), address: String::new() };
            let issue = NewSession {
                token: &token,
                user_id: "ada",
                password: Some(&VerifiedPassword { password_version: version, account: None }),
                origin: &device,
                chat_token: None,
                replaces: None,
            };
            let mut tx = db.begin().await.unwrap();
            let created = sessions::create(&mut tx, issue, lifetime, 0).await.unwrap();
            tx.commit().await.unwrap();
            created
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
    db.execute(INSERT, params!["one"]).await.unwrap();
    let delete = "DELETE FROM used_assertions WHERE id_hash = $1";
    let mut tx = db.begin().await.unwrap();
    assert_eq!(tx.execute(delete, params!["another"]).await.unwrap(), 0);
    assert_eq!(tx.execute(delete, params!["one"]).await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn users_added_in_bulk_have_no_old_failures() {
    let (db, _folder) = open().await;
    let user =
        |id: &str| User { id: id.into(), email: format!("{id}@example.com"), name: "O'Neil \"x\"".into() };
    let mut tx = db.begin().await.unwrap();
    // There are failed logins for this address.
    let account = sha256_hex(b"grace@example.com");
    let failure =
        "INSERT INTO login_failures (key_hash, account_hash, failures, last_at) VALUES ($1, $1, 99, 0)";
    tx.execute(failure, params![&account]).await.unwrap();
    users::insert_many(&mut tx, &[(user("ada"), Some("a".into())), (user("grace"), None)], 2).await.unwrap();
    tx.commit().await.unwrap();

    let found = users::find_by_email(&db, "Ada@example.com").await.unwrap().unwrap();
    assert_eq!((found.user, found.password_hash.as_deref()), (user("ada"), Some("a")));
    assert_eq!(users::find(&db, "grace").await.unwrap(), Some(user("grace")));
    assert_eq!(count(&db, "SELECT count(*) FROM login_failures").await, 0);
    assert_eq!(count(&db, "SELECT count(*) FROM chat_jobs WHERE kind = 'sync_user' AND run_at = 2").await, 2);
}
