//! The queue of what is to be done at CometChat: durable, in the same database as its causes.
//!
//! A job is written in the transaction of the change that it carries out, so neither can be lost alone,
//! and is deleted only when CometChat has said that it is done. It may be done twice; every kind bears
//! that. Several workers, also of several processes, may take from one queue: a job is claimed for a
//! while, and whoever dies with one lets go of it.
//!
//! What becomes of a user has one job, which says only that the user is to be looked at: the worker makes CometChat
//! agree with the database as it is by then. So two changes to one user cannot be done in the wrong order. Once the user
//! is deleted the job is a deletion until that is done, and no other user gets the id before.
//!
//! What a request or a worker asks of the queue costs the same however many jobs wait: it finds its rows in the order of
//! an index.

use crate::db::{Db, DbError, Row, Tx, json_array};
use crate::values;

/// How long a claim lasts: longer than the slowest job.
const CLAIM_SECONDS: i64 = 60;
/// A mint's check waits this long, until the mint has long been stored or is known to be lost.
pub(super) const RECONCILE_DELAY_SECONDS: i64 = 60;
/// How long after a call was given up CometChat may still carry it out: seconds.
pub const MAX_CALL_DELAY_SECONDS: i64 = 120;
/// The longest that a job waits for another try.
pub const MAX_RETRY_WAIT_SECONDS: i64 = 10 * 60;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobKind {
    /// Make CometChat's user what the database says: there, with this name. One row a user, with that of `DeleteUser`.
    SyncUser,
    /// Delete CometChat's user, who is no more in the database.
    DeleteUser,
    /// Revoke one chat token. The payload is the token.
    RevokeToken,
    /// Written before a token is asked for, deleted when it is stored. One that is left over says that a
    /// token may have been made that nobody has: find it and revoke it. No payload.
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

fn user_id(uid: &str) -> String {
    format!("user:{uid}")
}

/// Writes that CometChat's user `uid` is to be looked at. Wake the worker after the commit. `true`: the deletion of an
/// earlier user of this id is still due.
pub async fn sync_user(tx: &mut Tx, uid: &str, now: i64) -> Result<bool, DbError> {
    Ok(sync_users(tx, [uid], false, now).await?.is_some())
}

macro_rules! sync_users {
    ($uids:literal) => {
        concat!(
            "INSERT INTO chat_jobs (id, kind, uid, payload_sealed, version, attempts, bulk, run_at,
                                    claim, claimed_until, parked, last_error, created_at, unsettled_until)
             SELECT 'user:' || uids.value,
                    CASE WHEN EXISTS (SELECT 1 FROM users WHERE users.id = uids.value) THEN 'sync_user'
                         ELSE 'delete_user' END,
                    uids.value, '', 1, 0, $2, $3, '', 0, 0, '', $3, 0
             FROM ",
            $uids,
            // Without WHERE SQLite takes ON for a condition of a join.
            " WHERE true
             ON CONFLICT (id) DO UPDATE SET
               kind = CASE WHEN chat_jobs.kind = 'delete_user' THEN 'delete_user' ELSE excluded.kind END,
               version = chat_jobs.version + 1, attempts = 0, bulk = chat_jobs.bulk * excluded.bulk,
               run_at = excluded.run_at, parked = 0, last_error = '', created_at = excluded.created_at
             RETURNING kind, uid"
        )
    };
}

/// [`sync_user`] for several users; `bulk`: so many that all other jobs are done before them. The answer is one of them
/// whose deletion is still due. It is not forgotten for the sake of a new user: that user must not be there yet.
pub async fn sync_users<'a>(
    tx: &mut Tx,
    uids: impl IntoIterator<Item = &'a str>,
    bulk: bool,
    now: i64,
) -> Result<Option<String>, DbError> {
    let sql = tx.pick(
        sync_users!("json_each($1) AS uids"),
        sync_users!("json_array_elements_text($1::json) AS uids (value)"),
    );
    let done = tx.run(sql, values![json_array(uids), i64::from(bulk), now]).await?;
    for row in &done.rows {
        if row.text(0)? == JobKind::DeleteUser.name() {
            return row.text(1).map(Some);
        }
    }
    Ok(None)
}

/// Every uid of which a user is still to be deleted, a thousand of them after `after`.
pub async fn uids_to_delete(db: &Db, after: &str) -> Result<Vec<String>, DbError> {
    let sql = "SELECT uid FROM chat_jobs WHERE kind = 'delete_user' AND uid > $1 ORDER BY uid LIMIT 1000";
    db.read(sql, values![after]).await?.iter().map(|row| row.text(0)).collect()
}

/// [`sync_user`] for a user who was never there before, claimed by the caller, who is about to do it.
/// Conclude it with [`done`] or [`retry`]; a caller who dies first leaves it to a worker.
pub async fn sync_new_user(tx: &mut Tx, uid: &str, now: i64) -> Result<ClaimedJob, DbError> {
    let job = ClaimedJob {
        id: user_id(uid),
        claim: new_id(),
        kind: JobKind::SyncUser,
        uid: uid.to_owned(),
        payload_sealed: String::new(),
        version: 1,
        attempts: 1,
        created_at: now,
    };
    tx.run(
        "INSERT INTO chat_jobs (id, kind, uid, payload_sealed, version, attempts, bulk, run_at,
                                claim, claimed_until, parked, last_error, created_at, unsettled_until)
         VALUES ($1, $2, $3, '', 1, 1, 0, $4, $5, $6, 0, '', $4, 0)",
        values![&job.id, job.kind.name(), uid, now, &job.claim, now + CLAIM_SECONDS],
    )
    .await?;
    Ok(job)
}

/// Writes that chat tokens are to be revoked, each as (uid, sealed token). Wake the worker after the commit.
pub async fn revoke_tokens(
    tx: &mut Tx,
    tokens: impl IntoIterator<Item = (String, String)>,
    now: i64,
) -> Result<(), DbError> {
    let rows = json_array(tokens.into_iter().map(|(uid, sealed)| [new_id(), uid, sealed]));
    let sql = tx.pick(
        "INSERT INTO chat_jobs (id, kind, uid, payload_sealed, version, attempts, bulk, run_at,
                                claim, claimed_until, parked, last_error, created_at, unsettled_until)
         SELECT value ->> 0, $2, value ->> 1, value ->> 2, 1, 0, 0, $3, '', 0, 0, '', $3, 0 FROM json_each($1)",
        "INSERT INTO chat_jobs (id, kind, uid, payload_sealed, version, attempts, bulk, run_at,
                                claim, claimed_until, parked, last_error, created_at, unsettled_until)
         SELECT value ->> 0, $2, value ->> 1, value ->> 2, 1, 0, 0, $3, '', 0, 0, '', $3, 0
         FROM json_array_elements($1::json)",
    );
    tx.run(sql, values![rows, JobKind::RevokeToken.name(), now]).await?;
    Ok(())
}

/// A job that whoever holds this has for the next minute.
#[derive(Debug)]
pub struct ClaimedJob {
    pub id: String,
    claim: String,
    pub kind: JobKind,
    pub uid: String,
    pub payload_sealed: String,
    version: i64,
    /// How often it was tried, this time included.
    pub attempts: i64,
    pub created_at: i64,
}

macro_rules! claim {
    ($lock:literal) => {
        concat!(
            // Two looks, one for each of the index's two stretches. The outer condition is looked at again once
            // PostgreSQL has the row's lock. A claim that is still there is that of a worker that died: CometChat may
            // yet carry out what it has asked for.
            "UPDATE chat_jobs SET claim = $3, claimed_until = $2, attempts = attempts + 1,
               unsettled_until = CASE WHEN claim <> '' AND claimed_until + $5 > unsettled_until
                                      THEN claimed_until + $5 ELSE unsettled_until END
             WHERE id = COALESCE(
                 (SELECT id FROM chat_jobs WHERE parked = 0 AND bulk = 0 AND run_at <= $1 AND claimed_until <= $1
                  ORDER BY run_at, id LIMIT 1",
            $lock,
            "),
                 (SELECT id FROM chat_jobs WHERE $4 = 1 AND parked = 0 AND bulk = 1 AND run_at <= $1
                    AND claimed_until <= $1
                  ORDER BY run_at, id LIMIT 1",
            $lock,
            "))
               AND parked = 0 AND claimed_until <= $1
             RETURNING id, kind, uid, payload_sealed, version, attempts, created_at"
        )
    };
}

/// How [`claim`] finds its job, on SQLite and on PostgreSQL.
pub const CLAIM_SQL: [&str; 2] = [claim!(""), claim!(" FOR UPDATE SKIP LOCKED")];

/// Takes the job that has been due longest; one of the `bulk` only where no other is due. `None` when none is due.
pub async fn claim(db: &Db, bulk: bool, now: i64) -> Result<Option<ClaimedJob>, DbError> {
    let claim = new_id();
    let [sqlite, postgres] = CLAIM_SQL;
    let values = values![now, now + CLAIM_SECONDS, &claim, i64::from(bulk), MAX_CALL_DELAY_SECONDS];
    let done = db.write(db.dialect(sqlite, postgres), values).await?;
    let Some(row) = done.rows.first() else { return Ok(None) };
    let (id, version) = (row.text(0)?, row.int(4)?);
    let Some(kind) = JobKind::parse(&row.text(1)?) else {
        park_with_state(db, (&id, &claim, version), "this version knows no such kind of job").await?;
        return Ok(None);
    };
    Ok(Some(ClaimedJob {
        id,
        claim,
        kind,
        uid: row.text(2)?,
        payload_sealed: row.text(3)?,
        version,
        attempts: row.int(5)?,
        created_at: row.int(6)?,
    }))
}

/// Deletes a job that is done. One that was asked for again while it was being done is due; and a user about which an earlier
/// call may still be carried out is looked at once more, when that is over: such a call may undo what was just done.
pub async fn complete(db: &Db, job: &ClaimedJob, now: i64) -> Result<(), DbError> {
    let deleted = db
        .write(
            "DELETE FROM chat_jobs WHERE id = $1 AND claim = $2 AND version = $3
               AND (unsettled_until <= $4 OR kind IN ('revoke_token', 'reconcile_tokens'))",
            values![&job.id, &job.claim, job.version, now],
        )
        .await?;
    if deleted.affected == 0 {
        db.write(
            "UPDATE chat_jobs SET claim = '', claimed_until = 0,
               run_at = CASE WHEN version = $3 THEN unsettled_until ELSE run_at END,
               attempts = CASE WHEN version = $3 THEN 0 ELSE attempts END,
               last_error = CASE WHEN version = $3 THEN $4 ELSE last_error END
             WHERE id = $1 AND claim = $2",
            values![&job.id, &job.claim, job.version, "done, but a call before may still be carried out"],
        )
        .await?;
    }
    Ok(())
}

/// Gives a job back, to be tried again at `run_at`; at once where it was asked for again meanwhile. Until `unsettled_until`
/// CometChat may carry out a call that was made for it; zero: there is none.
pub async fn retry(
    db: &Db,
    job: &ClaimedJob,
    run_at: i64,
    error: &str,
    unsettled_until: i64,
) -> Result<(), DbError> {
    db.write(
        "UPDATE chat_jobs SET claim = '', claimed_until = 0, last_error = $5,
                              run_at = CASE WHEN version = $3 THEN $4 ELSE run_at END,
                              unsettled_until = CASE WHEN $6 > unsettled_until THEN $6 ELSE unsettled_until END
         WHERE id = $1 AND claim = $2",
        values![&job.id, &job.claim, job.version, run_at, error, unsettled_until],
    )
    .await?;
    Ok(())
}

/// Lets no job wait until a time that was far ahead when somebody set the clock back: such jobs wait as if they
/// had just been written, and claims last no longer than from now on.
pub async fn clamp_future_runs(db: &Db, now: i64) -> Result<(), DbError> {
    let (furthest, soon) = (now + MAX_RETRY_WAIT_SECONDS, now + CLAIM_SECONDS.max(RECONCILE_DELAY_SECONDS));
    db.write(
        "UPDATE chat_jobs SET run_at = CASE WHEN run_at > $1 THEN $2 ELSE run_at END,
                              claimed_until = CASE WHEN claimed_until > $2 THEN $2 ELSE claimed_until END,
                              unsettled_until = CASE WHEN unsettled_until > $1 THEN $2 ELSE unsettled_until END
         WHERE parked = 0 AND (run_at > $1 OR claimed_until > $2 OR unsettled_until > $1)",
        values![furthest, soon],
    )
    .await?;
    Ok(())
}

/// Puts aside a job that can never succeed, for a person to look at. It is not dropped; and where it was asked for
/// again meanwhile it is due, since what was asked for last may succeed.
pub async fn park(db: &Db, job: &ClaimedJob, error: &str) -> Result<(), DbError> {
    park_with_state(db, (&job.id, &job.claim, job.version), error).await
}

async fn park_with_state(
    db: &Db,
    (id, claim, version): (&str, &str, i64),
    error: &str,
) -> Result<(), DbError> {
    db.write(
        "UPDATE chat_jobs SET parked = CASE WHEN version = $3 THEN 1 ELSE 0 END, claim = '', claimed_until = 0,
                              last_error = $4
         WHERE id = $1 AND claim = $2",
        values![id, claim, version, error],
    )
    .await?;
    Ok(())
}

/// Makes every parked job due again. Says how many there were.
pub async fn unpark(db: &Db, now: i64) -> Result<u64, DbError> {
    let done = db
        .write("UPDATE chat_jobs SET parked = 0, attempts = 0, run_at = $1 WHERE parked = 1", values![now])
        .await?;
    Ok(done.affected)
}

/// How the queue stands, as far as it is counted: [`MAX_COUNTED`] jobs of a kind stand for that many or more.
pub struct QueueStats {
    pub waiting: i64,
    pub parked: i64,
    /// Seconds for which the job has waited that should have been done longest ago, of the thousand that come next and
    /// are not bulk; zero when none should have been. One that was tried and put off counts from its beginning.
    pub lag: i64,
}

/// Jobs that are counted at most.
pub const MAX_COUNTED: i64 = 10_000;

/// What [`standing`] asks, each part in the index's order, so that it is the index that is read.
pub const STATS_SQL: &str = "
    SELECT (SELECT count(*) FROM (SELECT 1 FROM chat_jobs WHERE parked = 0 ORDER BY bulk, run_at, id LIMIT $1) AS w),
           (SELECT count(*) FROM (SELECT 1 FROM chat_jobs WHERE parked = 1 ORDER BY bulk, run_at, id LIMIT $1) AS p),
           (SELECT COALESCE(min(CASE WHEN attempts > 0 THEN created_at ELSE run_at END), $2)
            FROM (SELECT attempts, created_at, run_at FROM chat_jobs WHERE parked = 0 AND bulk = 0
                  ORDER BY run_at, id LIMIT 1000) AS next)";

pub async fn stats(db: &Db, now: i64) -> Result<QueueStats, DbError> {
    let rows = db.read(STATS_SQL, values![MAX_COUNTED, now]).await?;
    let mut stats = QueueStats { waiting: 0, parked: 0, lag: 0 };
    if let Some(row) = rows.first() {
        stats = QueueStats { waiting: row.int(0)?, parked: row.int(1)?, lag: (now - row.int(2)?).max(0) };
    }
    Ok(stats)
}

/// A job as an operator sees it.
pub struct JobSummary {
    pub kind: String,
    pub uid: String,
    pub attempts: i64,
    pub run_at: i64,
    pub is_parked: bool,
    pub last_error: String,
}

/// The jobs that wait, the parked ones first, at most `limit`.
pub async fn list(db: &Db, limit: i64) -> Result<Vec<JobSummary>, DbError> {
    let rows = db
        .read(
            "SELECT kind, uid, attempts, run_at, parked, last_error FROM chat_jobs
             ORDER BY parked DESC, bulk, run_at, id LIMIT $1",
            values![limit],
        )
        .await?;
    let listed = |row: &Row| {
        Ok(JobSummary {
            kind: row.text(0)?,
            uid: row.text(1)?,
            attempts: row.int(2)?,
            run_at: row.int(3)?,
            is_parked: row.int(4)? == 1,
            last_error: row.text(5)?,
        })
    };
    rows.iter().map(listed).collect()
}
