//! The durable queue of work for CometChat, in the same database as the changes that cause it.
//!
//! A job is written in the transaction of its cause, so that neither can be lost alone, and deleted when CometChat has
//! confirmed it. Delivery is at least once, so every job is idempotent. Several workers of several processes may take
//! jobs: each claims a job for a limited time, and a claim expires if its worker dies.
//!
//! A user has one job, which says only that the user must be synchronized: the worker makes CometChat agree with the
//! database at that time. So two changes of one user cannot be delivered in the wrong order. After a user's deletion
//! the job is a deletion until CometChat has confirmed it, and no other user gets the id before.
//!
//! Each query costs the same however many jobs wait: it finds its rows by an index.

use crate::db::{Db, DbError, Param, Tx, json_array};
use crate::params;

/// Time that a claim lasts, in seconds: longer than the slowest job.
const CLAIM_SECONDS: i64 = 60;
/// Time until the outcome of a token request is reconciled, in seconds. By then the token is stored, or its response
/// is lost.
pub(super) const RECONCILE_DELAY_SECONDS: i64 = 60;
/// Time in which CometChat may still carry out a call that timed out here, in seconds.
pub const MAX_CALL_DELAY_SECONDS: i64 = 120;
/// Longest wait before a retry, in seconds.
pub const MAX_RETRY_WAIT_SECONDS: i64 = 10 * 60;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobKind {
    /// Create or rename CometChat's user as the database says. It shares its row with `DeleteUser`.
    SyncUser,
    /// Delete CometChat's user: the database has none with this id.
    DeleteUser,
    /// Revoke one chat token, the payload.
    RevokeToken,
    /// Find and revoke a token whose response was lost. Written before a token is requested, and deleted when the token
    /// is stored. No payload.
    ReconcileTokens,
}

impl JobKind {
    const ALL: [Self; 4] = [Self::SyncUser, Self::DeleteUser, Self::RevokeToken, Self::ReconcileTokens];

    pub fn name(self) -> &'static str {
        match self {
            Self::SyncUser => "sync_user",
            Self::DeleteUser => "delete_user",
            Self::RevokeToken => "revoke_token",
            Self::ReconcileTokens => "reconcile_tokens",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

pub(super) fn new_id() -> String {
    uuid::Uuid::now_v7().simple().to_string()
}

/// A job to insert.
pub(super) struct NewJob<'a> {
    pub id: &'a str,
    pub kind: JobKind,
    pub uid: &'a str,
    pub run_at: i64,
    /// The caller's claim, if it carries out the job itself.
    pub claim: Option<&'a str>,
    pub now: i64,
}

impl NewJob<'_> {
    pub const INSERT: &'static str =
        "INSERT INTO chat_jobs (id, kind, uid, version, attempts, bulk, run_at, parked, created_at, claim, claimed_until)
         VALUES ($1, $2, $3, 1, $4, 0, $5, 0, $6, $7, $8)";

    pub fn params(&self) -> [Param<'_>; 8] {
        let claimed_until = self.claim.map(|_| self.now + CLAIM_SECONDS);
        [
            self.id.into(),
            self.kind.name().into(),
            self.uid.into(),
            i64::from(self.claim.is_some()).into(),
            self.run_at.into(),
            self.now.into(),
            self.claim.into(),
            claimed_until.into(),
        ]
    }
}

/// Enqueues the synchronization of a user. Wake the worker after the commit. Returns `true` if the deletion of an
/// earlier user with this id is still due.
pub async fn enqueue_sync(tx: &mut Tx, uid: &str, now: i64) -> Result<bool, DbError> {
    Ok(enqueue_syncs(tx, [uid], false, now).await?.is_some())
}

macro_rules! sync_users {
    ($uids:literal) => {
        concat!(
            "INSERT INTO chat_jobs (id, kind, uid, version, attempts, bulk, run_at, parked, created_at)
             SELECT 'user:' || uids.value,
                    CASE WHEN EXISTS (SELECT 1 FROM users WHERE users.id = uids.value) THEN 'sync_user'
                         ELSE 'delete_user' END,
                    uids.value, 1, 0, $2, $3, 0, $3
             FROM ",
            $uids,
            // Without WHERE, SQLite parses ON as the condition of a join.
            " WHERE true
             ON CONFLICT (id) DO UPDATE SET
               kind = CASE WHEN chat_jobs.kind = 'delete_user' THEN 'delete_user' ELSE excluded.kind END,
               version = chat_jobs.version + 1, attempts = 0, bulk = chat_jobs.bulk * excluded.bulk,
               run_at = excluded.run_at, parked = 0, last_error = NULL, created_at = excluded.created_at
             RETURNING kind, uid"
        )
    };
}

/// Like [`enqueue_sync`], for several users. `bulk` jobs run when no other job is due. Returns the id of a user whose
/// deletion is still due, if any: another user must not be created before.
pub async fn enqueue_syncs<'a>(
    tx: &mut Tx,
    uids: impl IntoIterator<Item = &'a str>,
    bulk: bool,
    now: i64,
) -> Result<Option<String>, DbError> {
    #[derive(sqlx::FromRow)]
    struct UserJob {
        kind: String,
        uid: String,
    }
    let sql = tx.dialect(
        sync_users!("json_each($1) AS uids"),
        sync_users!("json_array_elements_text($1::json) AS uids (value)"),
    );
    let jobs: Vec<UserJob> = tx.fetch_all(sql, params![json_array(uids), i64::from(bulk), now]).await?;
    Ok(jobs.into_iter().find(|job| job.kind == JobKind::DeleteUser.name()).map(|job| job.uid))
}

/// Returns the ids of users whose deletion is due, at most 1,000, ordered and after `after`.
pub async fn uids_to_delete(db: &Db, after: &str) -> Result<Vec<String>, DbError> {
    let sql = "SELECT uid FROM chat_jobs WHERE kind = 'delete_user' AND uid > $1 ORDER BY uid LIMIT 1000";
    let uids: Vec<(String,)> = db.fetch_all(sql, params![after]).await?;
    Ok(uids.into_iter().map(|(uid,)| uid).collect())
}

/// Like [`enqueue_sync`], for a new user that the caller itself creates at CometChat next. Finish the job with
/// [`complete`] or [`retry`]; if the caller dies, a worker takes it when the claim expires.
pub async fn enqueue_claimed_sync(tx: &mut Tx, uid: &str, now: i64) -> Result<ClaimedJob, DbError> {
    let (id, claim) = (format!("user:{uid}"), new_id());
    let job = NewJob { id: &id, kind: JobKind::SyncUser, uid, run_at: now, claim: Some(&claim), now };
    tx.execute(NewJob::INSERT, &job.params()).await?;
    Ok(ClaimedJob {
        id,
        claim,
        kind: JobKind::SyncUser,
        uid: uid.to_owned(),
        payload_sealed: None,
        version: 1,
        attempts: 1,
        created_at: now,
    })
}

/// Enqueues the revocation of chat tokens, each given as user id and sealed token. Wake the worker after the commit.
pub async fn enqueue_revocations(
    tx: &mut Tx,
    tokens: impl IntoIterator<Item = (String, String)>,
    now: i64,
) -> Result<(), DbError> {
    let rows = json_array(tokens.into_iter().map(|(uid, sealed)| [new_id(), uid, sealed]));
    let sql = tx.dialect(
        "INSERT INTO chat_jobs (id, kind, uid, payload_sealed, version, attempts, bulk, run_at, parked, created_at)
         SELECT value ->> 0, $2, value ->> 1, value ->> 2, 1, 0, 0, $3, 0, $3 FROM json_each($1)",
        "INSERT INTO chat_jobs (id, kind, uid, payload_sealed, version, attempts, bulk, run_at, parked, created_at)
         SELECT value ->> 0, $2, value ->> 1, value ->> 2, 1, 0, 0, $3, 0, $3 FROM json_array_elements($1::json)",
    );
    tx.execute(sql, params![rows, JobKind::RevokeToken.name(), now]).await?;
    Ok(())
}

/// A job that its holder has claimed for [`CLAIM_SECONDS`].
#[derive(Debug)]
pub struct ClaimedJob {
    pub id: String,
    claim: String,
    pub kind: JobKind,
    pub uid: String,
    pub payload_sealed: Option<String>,
    version: i64,
    /// Number of attempts, the present one included.
    pub attempts: i64,
    pub created_at: i64,
}

macro_rules! claim {
    ($lock:literal) => {
        concat!(
            // The two subqueries search the index's two ranges. The outer condition is evaluated again when PostgreSQL
            // has locked the row. A claim that is still there is that of a worker that died: CometChat may still carry
            // out its call.
            "UPDATE chat_jobs SET claim = $3, claimed_until = $2, attempts = attempts + 1,
               unsettled_until = CASE WHEN claim IS NOT NULL AND claimed_until + $5 > COALESCE(unsettled_until, 0)
                                      THEN claimed_until + $5 ELSE unsettled_until END
             WHERE id = COALESCE(
                 (SELECT id FROM chat_jobs WHERE parked = 0 AND bulk = 0 AND run_at <= $1
                    AND (claimed_until IS NULL OR claimed_until <= $1)
                  ORDER BY run_at, id LIMIT 1",
            $lock,
            "),
                 (SELECT id FROM chat_jobs WHERE $4 = 1 AND parked = 0 AND bulk = 1 AND run_at <= $1
                    AND (claimed_until IS NULL OR claimed_until <= $1)
                  ORDER BY run_at, id LIMIT 1",
            $lock,
            "))
               AND parked = 0 AND (claimed_until IS NULL OR claimed_until <= $1)
             RETURNING id, kind, uid, payload_sealed, version, attempts, created_at"
        )
    };
}

/// The statement of [`claim`], for SQLite and for PostgreSQL.
pub const CLAIM_SQL: [&str; 2] = [claim!(""), claim!(" FOR UPDATE SKIP LOCKED")];

/// Claims the job that has been due longest, and a bulk job only if `bulk` is set and no other job is due. Returns
/// `None` if no job is due.
pub async fn claim(db: &Db, bulk: bool, now: i64) -> Result<Option<ClaimedJob>, DbError> {
    #[derive(sqlx::FromRow)]
    struct JobRow {
        id: String,
        kind: String,
        uid: String,
        payload_sealed: Option<String>,
        version: i64,
        attempts: i64,
        created_at: i64,
    }
    let claim = new_id();
    let [sqlite, postgres] = CLAIM_SQL;
    let params = params![now, now + CLAIM_SECONDS, &claim, i64::from(bulk), MAX_CALL_DELAY_SECONDS];
    let claimed: Vec<JobRow> = db.execute_returning(db.dialect(sqlite, postgres), params).await?;
    let Some(row) = claimed.into_iter().next() else { return Ok(None) };
    let JobRow { id, kind, uid, payload_sealed, version, attempts, created_at } = row;
    let Some(kind) = JobKind::parse(&kind) else {
        park_claimed(db, (&id, &claim, version), "this version does not know this kind of job").await?;
        return Ok(None);
    };
    Ok(Some(ClaimedJob { id, claim, kind, uid, payload_sealed, version, attempts, created_at }))
}

/// Deletes a job that is done. It stays if it was enqueued again while it ran. A user's job also runs once more after
/// the time in which CometChat may still carry out an earlier call, because that call may undo this one.
pub async fn complete(db: &Db, job: &ClaimedJob, now: i64) -> Result<(), DbError> {
    let deleted = db
        .execute(
            "DELETE FROM chat_jobs WHERE id = $1 AND claim = $2 AND version = $3
               AND (unsettled_until IS NULL OR unsettled_until <= $4 OR kind IN ('revoke_token', 'reconcile_tokens'))",
            params![&job.id, &job.claim, job.version, now],
        )
        .await?;
    if deleted == 0 {
        db.execute(
            "UPDATE chat_jobs SET claim = NULL, claimed_until = NULL,
               run_at = CASE WHEN version = $3 THEN unsettled_until ELSE run_at END,
               attempts = CASE WHEN version = $3 THEN 0 ELSE attempts END,
               last_error = CASE WHEN version = $3 THEN $4 ELSE last_error END
             WHERE id = $1 AND claim = $2",
            params![
                &job.id,
                &job.claim,
                job.version,
                "done, but CometChat may still carry out an earlier call"
            ],
        )
        .await?;
    }
    Ok(())
}

/// Releases a job for a retry at `run_at`, or immediately if it was enqueued again while it ran. CometChat may carry
/// out a call for it until `unsettled_until`, if given.
pub async fn retry(
    db: &Db,
    job: &ClaimedJob,
    run_at: i64,
    error: &str,
    unsettled_until: Option<i64>,
) -> Result<(), DbError> {
    db.execute(
        "UPDATE chat_jobs SET claim = NULL, claimed_until = NULL, last_error = $5,
                              run_at = CASE WHEN version = $3 THEN $4 ELSE run_at END,
                              unsettled_until = CASE WHEN $6 > COALESCE(unsettled_until, 0) THEN $6
                                                     ELSE unsettled_until END
         WHERE id = $1 AND claim = $2",
        params![&job.id, &job.claim, job.version, run_at, error, unsettled_until],
    )
    .await?;
    Ok(())
}

/// Caps the times of jobs and claims that are too far in the future because the clock was set back.
pub async fn clamp_future_runs(db: &Db, now: i64) -> Result<(), DbError> {
    let (furthest, soon) = (now + MAX_RETRY_WAIT_SECONDS, now + CLAIM_SECONDS.max(RECONCILE_DELAY_SECONDS));
    db.execute(
        "UPDATE chat_jobs SET run_at = CASE WHEN run_at > $1 THEN $2 ELSE run_at END,
                              claimed_until = CASE WHEN claimed_until > $2 THEN $2 ELSE claimed_until END,
                              unsettled_until = CASE WHEN unsettled_until > $1 THEN $2 ELSE unsettled_until END
         WHERE parked = 0 AND (run_at > $1 OR claimed_until > $2 OR unsettled_until > $1)",
        params![furthest, soon],
    )
    .await?;
    Ok(())
}

/// Parks a job that failed permanently, for an operator. If it was enqueued again while it ran, it is due instead,
/// because the later request may succeed.
pub async fn park(db: &Db, job: &ClaimedJob, error: &str) -> Result<(), DbError> {
    park_claimed(db, (&job.id, &job.claim, job.version), error).await
}

async fn park_claimed(db: &Db, (id, claim, version): (&str, &str, i64), error: &str) -> Result<(), DbError> {
    db.execute(
        "UPDATE chat_jobs SET parked = CASE WHEN version = $3 THEN 1 ELSE 0 END, claim = NULL, claimed_until = NULL,
                              last_error = $4
         WHERE id = $1 AND claim = $2",
        params![id, claim, version, error],
    )
    .await?;
    Ok(())
}

/// Makes every parked job due again. Returns their number.
pub async fn unpark(db: &Db, now: i64) -> Result<u64, DbError> {
    let sql = "UPDATE chat_jobs SET parked = 0, attempts = 0, run_at = $1 WHERE parked = 1";
    db.execute(sql, params![now]).await
}

/// Statistics of the queue.
#[derive(sqlx::FromRow)]
pub struct QueueStats {
    /// Jobs that wait, counted up to [`MAX_COUNTED`].
    pub waiting: i64,
    /// Jobs that failed permanently, counted up to [`MAX_COUNTED`].
    pub parked: i64,
    /// Seconds since the most overdue of the next 1,000 jobs was due, without bulk jobs. A job that was tried counts
    /// from its creation. Zero if no job is overdue.
    pub lag: i64,
}

/// Limit of the counts, so that they cost the same however many jobs there are.
pub const MAX_COUNTED: i64 = 10_000;

/// The statement of [`stats`]. Each part orders by the index's columns, so that the index serves it.
pub const STATS_SQL: &str = "
    SELECT (SELECT count(*) FROM (SELECT 1 FROM chat_jobs WHERE parked = 0 ORDER BY bulk, run_at, id LIMIT $1) AS w)
             AS waiting,
           (SELECT count(*) FROM (SELECT 1 FROM chat_jobs WHERE parked = 1 ORDER BY bulk, run_at, id LIMIT $1) AS p)
             AS parked,
           (SELECT $2 - COALESCE(min(CASE WHEN attempts > 0 THEN created_at ELSE run_at END), $2)
            FROM (SELECT attempts, created_at, run_at FROM chat_jobs WHERE parked = 0 AND bulk = 0
                  ORDER BY run_at, id LIMIT 1000) AS next)
             AS lag";

pub async fn stats(db: &Db, now: i64) -> Result<QueueStats, DbError> {
    let stats: Option<QueueStats> = db.fetch_optional(STATS_SQL, params![MAX_COUNTED, now]).await?;
    let stats = stats.unwrap_or(QueueStats { waiting: 0, parked: 0, lag: 0 });
    Ok(QueueStats { lag: stats.lag.max(0), ..stats })
}

/// A job in the operator's list.
#[derive(sqlx::FromRow)]
pub struct JobSummary {
    pub kind: String,
    pub uid: String,
    pub attempts: i64,
    pub run_at: i64,
    /// 1: the job is parked.
    pub parked: i64,
    pub last_error: Option<String>,
}

/// Returns at most `limit` jobs, the parked ones first.
pub async fn list(db: &Db, limit: i64) -> Result<Vec<JobSummary>, DbError> {
    let sql = "SELECT kind, uid, attempts, run_at, parked, last_error FROM chat_jobs
               ORDER BY parked DESC, bulk, run_at, id LIMIT $1";
    db.fetch_all(sql, params![limit]).await
}

/// Returns the number of all jobs.
pub async fn count(db: &Db) -> Result<i64, DbError> {
    let count: Option<(i64,)> = db.fetch_optional("SELECT count(*) FROM chat_jobs", params![]).await?;
    Ok(count.map_or(0, |(count,)| count))
}
