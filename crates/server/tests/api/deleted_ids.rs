//! Tests of the ids of deleted users: an id can be reused only after CometChat has deleted the user and the messages.

use crate::assertion_login::{claims, hs256, login_by_assertion, start};
use crate::helpers::{TestApp, failure};
use cometchat_auth::cometchat::job_queue::{self, JobKind};
use cometchat_auth::db::Db;
use cometchat_auth::users::{self, User, UserError};
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use shared::ErrorCode;
use std::time::Duration;
use test_support::{eventually, new_database, uses_postgres};

fn ada() -> User {
    User { id: "ada".into(), email: "ada@example.com".into(), name: "Ada Lovelace".into() }
}

/// Lets every deletion at CometChat fail.
async fn deletions_fail(app: &TestApp, mut fault: Value) {
    fault["api"] = "rest".into();
    fault["method"] = "DELETE".into();
    fault["path"] = "users/ada".into();
    app.emulator.add_fault(fault).await;
}

/// Ends Ada's sessions and deletes the user, as `user delete` does.
async fn delete_ada(app: &TestApp) {
    let (mut tx, now) = (app.db.begin().await.unwrap(), app.clock.now());
    cometchat_auth::sessions::end_others(&mut tx, "ada", None, now).await.unwrap();
    users::delete(&mut tx, "ada", now).await.unwrap();
    tx.commit().await.unwrap();
    app.chat().wake();
    // Assertions from before the deletion are rejected because of their age.
    app.clock.advance(Duration::from_secs(60));
}

async fn assert_ada(app: &TestApp, id: &str) -> Response {
    login_by_assertion(app, &hs256(&claims(app, id))).await
}

/// Asserts that each way to create a user with this id is rejected and leaves no rows.
async fn ada_is_refused(app: &TestApp, id: &str) {
    let refused = failure(assert_ada(app, id).await, ErrorCode::Unavailable).await;
    assert!(refused.retry_after_seconds.is_some());
    let mut tx = app.db.begin().await.unwrap();
    let added = users::insert_many(&mut tx, &[(ada(), None)], app.clock.now()).await;
    assert!(matches!(added, Err(UserError::BeingDeleted(uid)) if uid == "ada"));
    drop(tx);
    assert_eq!(app.count("SELECT count(*) FROM users WHERE id = 'ada'").await, 0);
    assert_eq!(
        app.count("SELECT count(*) FROM chat_jobs WHERE kind = 'delete_user' AND uid = 'ada'").await,
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_id_is_refused_until_cometchat_deletes_it() {
    let app = start().await;
    assert_eq!(assert_ada(&app, "1").await.status(), StatusCode::OK);
    let of_the_first = app.emulator.tokens("ada").await;
    deletions_fail(&app, json!({"kind": "drop"})).await;
    delete_ada(&app).await;
    ada_is_refused(&app, "2").await;
    eventually("it was tried", || async {
        app.count("SELECT count(*) FROM chat_jobs WHERE kind = 'delete_user' AND last_error <> ''").await == 1
    })
    .await;
    ada_is_refused(&app, "3").await;
    let app = app.restart().await;
    ada_is_refused(&app, "4").await;
    assert_eq!(app.emulator.names().await.len(), 1, "she is still there");

    app.emulator.clear_faults().await;
    app.eventually_over_time("she is deleted", || async { app.emulator.names().await.is_empty() }).await;
    app.eventually_over_time("the deletion is done", || async {
        app.count("SELECT count(*) FROM chat_jobs WHERE kind = 'delete_user'").await == 0
    })
    .await;
    assert_eq!(assert_ada(&app, "5").await.status(), StatusCode::OK);
    let of_the_second = app.emulator.tokens("ada").await;
    assert!(of_the_second.iter().all(|token| !of_the_first.contains(token)));
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_id_is_refused_while_deletion_is_parked() {
    let app = start().await;
    assert_eq!(assert_ada(&app, "1").await.status(), StatusCode::OK);
    deletions_fail(&app, json!({"kind": "status", "status": 400, "code": "ERR_BAD_REQUEST"})).await;
    delete_ada(&app).await;
    eventually("it is parked", || async {
        app.count("SELECT count(*) FROM chat_jobs WHERE kind = 'delete_user' AND parked = 1").await == 1
    })
    .await;
    ada_is_refused(&app, "2").await;
    assert_eq!(app.count("SELECT parked FROM chat_jobs WHERE uid = 'ada'").await, 1, "a try changes nothing");
    app.emulator.clear_faults().await;
    job_queue::unpark(&app.db, app.clock.now()).await.unwrap();
    app.chat().wake();
    eventually("she is deleted", || async {
        app.emulator.names().await.is_empty()
            && app.count("SELECT count(*) FROM chat_jobs WHERE uid = 'ada'").await == 0
    })
    .await;
    assert_eq!(assert_ada(&app, "3").await.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_creation_of_deleted_id_is_refused() {
    // SQLite runs one write transaction at a time.
    if !uses_postgres() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let db = Db::open(&new_database(folder.path()).await).await.unwrap();
    let mut tx = db.begin().await.unwrap();
    users::insert_many(&mut tx, &[(ada(), None)], 1).await.unwrap();
    tx.commit().await.unwrap();
    let mut deleting = db.begin().await.unwrap();
    users::delete(&mut deleting, "ada", 2).await.unwrap();
    let made = async {
        let mut tx = db.begin().await.unwrap();
        users::insert_many(&mut tx, &[(ada(), None)], 3).await
    };
    let deleted = async {
        let waiting = "SELECT count(*) FROM pg_stat_activity
                       WHERE datname = current_database() AND wait_event_type = 'Lock'";
        eventually("the new user waits", || async {
            db.fetch_all::<(i64,)>(waiting, &[]).await.unwrap()[0].0 == 1
        })
        .await;
        deleting.commit().await.unwrap();
    };
    let (made, ()) = tokio::join!(made, deleted);
    assert!(matches!(made, Err(UserError::BeingDeleted(_))), "{made:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn deletion_job_is_not_duplicated_by_sync() {
    let folder = tempfile::tempdir().unwrap();
    let db = Db::open(&new_database(folder.path()).await).await.unwrap();
    let mut tx = db.begin().await.unwrap();
    users::insert_many(&mut tx, &[(ada(), None)], 1).await.unwrap();
    tx.commit().await.unwrap();
    // A worker has claimed the user's job while the user is deleted, and another mint enqueues a check.
    let held = job_queue::claim(&db, true, 2).await.unwrap().unwrap();
    assert_eq!(held.kind, JobKind::SyncUser);
    let mut tx = db.begin().await.unwrap();
    users::delete(&mut tx, "ada", 2).await.unwrap();
    assert!(job_queue::enqueue_sync(&mut tx, "ada", 2).await.unwrap(), "its deletion is due");
    tx.commit().await.unwrap();
    assert!(job_queue::claim(&db, true, 2).await.unwrap().is_none(), "one worker at a time has the user");
    job_queue::complete(&db, &held, 2).await.unwrap();
    let deletion = job_queue::claim(&db, true, 2).await.unwrap().unwrap();
    assert_eq!(deletion.kind, JobKind::DeleteUser);
    job_queue::complete(&db, &deletion, 2).await.unwrap();
    assert!(job_queue::claim(&db, true, 2).await.unwrap().is_none());
}
