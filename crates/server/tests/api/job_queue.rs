//! Tests of a long job queue: the cost of its statements does not grow, and urgent jobs do not wait.

use crate::helpers::*;
use cometchat_auth::cometchat::job_queue::{self, JobKind};
use cometchat_auth::db::{Db, Param as Bound};
use cometchat_auth::params;
use cometchat_auth::users::{self, User};
use reqwest::StatusCode;
use serde_json::json;
use shared::routes;
use test_support::{new_database, uses_postgres};

/// Enough jobs to distinguish a plan that reads all of them from one that does not.
const MANY: i64 = 20_000;

/// Inserts $1 jobs.
const FILL: [&str; 2] = [
    "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < $1)
     INSERT INTO chat_jobs (id, kind, uid, payload_sealed, version, attempts, bulk, run_at,
                            claim, claimed_until, parked, last_error, created_at, unsettled_until)
     SELECT $2 || n, $2, 'unknown', 'x', 1, 0, $3, $4, NULL, NULL, 0, NULL, $4, NULL FROM numbers",
    "INSERT INTO chat_jobs (id, kind, uid, payload_sealed, version, attempts, bulk, run_at,
                            claim, claimed_until, parked, last_error, created_at, unsettled_until)
     SELECT $2 || n, $2, 'unknown', 'x', 1, 0, $3, $4, NULL, NULL, 0, NULL, $4, NULL FROM generate_series(1, $1::bigint) AS n",
];

async fn fill(db: &Db, count: i64, kind: JobKind, bulk: i64, run_at: i64) {
    db.execute(db.dialect(FILL[0], FILL[1]), params![count, kind.name(), bulk, run_at]).await.unwrap();
}

/// Returns the plan of a statement: from SQLite the query plan, from PostgreSQL the executed plan with row counts.
async fn plan(db: &Db, statement: &str, values: &[Bound<'_>]) -> Vec<String> {
    let explain = db.dialect("EXPLAIN QUERY PLAN", "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF)");
    let explained: &'static str = Box::leak(format!("{explain} {statement}").into_boxed_str());
    /// A line of the plan: `detail` of SQLite or `QUERY PLAN` of PostgreSQL.
    #[derive(sqlx::FromRow)]
    struct PlanLine {
        #[sqlx(default)]
        detail: String,
        #[sqlx(default, rename = "QUERY PLAN")]
        query_plan: String,
    }
    let lines: Vec<PlanLine> = db.execute_returning(explained, values).await.unwrap();
    lines.into_iter().map(|line| line.detail + &line.query_plan).collect()
}

/// Returns the number after this word in the line.
fn number(line: &str, word: &str) -> f64 {
    let rest = line.split_once(word).map_or("", |(_, rest)| rest);
    rest.split(|c: char| !c.is_ascii_digit() && c != '.').next().unwrap_or_default().parse().unwrap_or(0.0)
}

/// Panics if the statement visits more than a few rows.
fn visits_few_rows(plan: &[String], most: f64) {
    for line in plan {
        if uses_postgres() {
            let rows = number(line, "actual rows=") * number(line, "loops=").max(1.0);
            assert!(rows <= most, "{line} of {plan:#?}");
            assert!(number(line, "Rows Removed by Filter: ") <= most, "{line} of {plan:#?}");
            assert!(!line.contains("Seq Scan on chat_jobs"), "{line} of {plan:#?}");
        } else {
            assert!(!line.contains("SCAN chat_jobs") && !line.contains("TEMP B-TREE"), "{line} of {plan:#?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn job_claim_visits_few_rows_in_a_long_queue() {
    let (all_due, imported, put_off) =
        ((JobKind::RevokeToken, 0, 5), (JobKind::SyncUser, 1, 5), (JobKind::RevokeToken, 0, 50));
    for (kind, bulk, run_at) in [all_due, imported, put_off] {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&new_database(folder.path()).await).await.unwrap();
        fill(&db, MANY, kind, bulk, run_at).await;
        fill(&db, 1, JobKind::ReconcileTokens, 0, 9).await;
        db.execute(db.dialect("ANALYZE", "ANALYZE chat_jobs"), &[]).await.unwrap();
        let claim = db.dialect(job_queue::CLAIM_SQL[0], job_queue::CLAIM_SQL[1]);
        let plan = plan(&db, claim, params![10, 70, "claim", 1, job_queue::MAX_CALL_DELAY_SECONDS]).await;
        visits_few_rows(&plan, 3.0);
        // SQLite reports no row counts: each search must start at the first job that is due.
        let looks = plan.iter().filter(|line| line.contains("(parked=? AND bulk=? AND run_at<?)")).count();
        assert!(uses_postgres() || looks == 2, "{plan:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn job_queue_count_is_capped_at_ten_thousand() {
    let folder = tempfile::tempdir().unwrap();
    let db = Db::open(&new_database(folder.path()).await).await.unwrap();
    fill(&db, MANY, JobKind::RevokeToken, 0, 5).await;
    db.execute(db.dialect("ANALYZE", "ANALYZE chat_jobs"), &[]).await.unwrap();
    let plan = plan(&db, job_queue::STATS_SQL, params![job_queue::MAX_COUNTED, 10]).await;
    visits_few_rows(&plan, 10_000.0);
    let standing = job_queue::stats(&db, 15).await.unwrap();
    assert_eq!((standing.waiting, standing.parked, standing.lag), (job_queue::MAX_COUNTED, 0, 10));
}

#[tokio::test(flavor = "multi_thread")]
async fn bulk_jobs_wait_until_no_other_job_is_due() {
    let folder = tempfile::tempdir().unwrap();
    let db = Db::open(&new_database(folder.path()).await).await.unwrap();
    let user = |id: String| User { email: format!("{id}@example.com"), name: "Ada".into(), id };
    let users: Vec<_> = (0..3).map(|id| (user(format!("u{id}")), None)).collect();
    let mut tx = db.begin().await.unwrap();
    users::insert_many(&mut tx, &users, 5).await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = db.begin().await.unwrap();
    job_queue::enqueue_revocations(&mut tx, [("u0".into(), "sealed".into())], 7).await.unwrap();
    // A job of a single user, which is not part of the import.
    job_queue::enqueue_sync(&mut tx, "u2", 8).await.unwrap();
    job_queue::enqueue_syncs(&mut tx, ["u2"], true, 8).await.unwrap();
    tx.commit().await.unwrap();

    let mut taken = Vec::new();
    for bulk in [false, false, false, true, true, true] {
        let job = job_queue::claim(&db, bulk, 9).await.unwrap();
        taken.push(job.map(|job| (job.kind, job.uid)));
    }
    let job = |kind, uid: &str| Some((kind, uid.to_owned()));
    let sync = JobKind::SyncUser;
    let expected =
        [job(JobKind::RevokeToken, "u0"), job(sync, "u2"), None, job(sync, "u0"), job(sync, "u1"), None];
    assert_eq!(taken, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn request_without_job_wakes_no_worker() {
    let app = TestApp::start().await;
    let (browser, _) = app.signed_in().await;
    let before = app.chat().wakes();
    let made_up = app.browser_with(Some(format!("cometchat-auth-3000={}", "A".repeat(43))));
    assert_eq!(made_up.logout().await.status(), StatusCode::NO_CONTENT);
    let unknown = format!("{}/{}", routes::SESSIONS, "0".repeat(32));
    assert_eq!(browser.delete(&unknown, json!({})).await.status(), StatusCode::NO_CONTENT);
    let same = browser.put(routes::ACCOUNT, json!({"name": "Test User"})).await;
    assert_eq!(same.status(), StatusCode::OK);
    let (_, there) = (browser.chat_token(false).await, app.browser().session().await);
    assert_eq!(there.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(app.chat().wakes(), before);

    assert_eq!(browser.logout().await.status(), StatusCode::NO_CONTENT);
    assert_eq!(app.chat().wakes(), before + 1, "a session with a chat token has ended");
}
