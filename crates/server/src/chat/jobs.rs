//! The queue of what is to be done at CometChat: durable, in the same database as its causes.
//!
//! A job is written in the transaction of the change that it carries out, so neither can be lost alone,
//! and is deleted only when CometChat has said that it is done. It may be done twice; every kind bears
//! that. Several workers, also of several processes, may take from one queue: a job is claimed for a
//! while, and whoever dies with one lets go of it.
//!
//! What becomes of a user has one job, which says only that the user is to be looked at: whoever does it
//! makes CometChat agree with the database as it is by then. So two changes to one user cannot be done in
//! the wrong order.

use crate::db::{Db, DbError, Row, Tx, json};
use crate::values;

/// How long a claim lasts: longer than the slowest job.
const CLAIM_SECONDS: i64 = 60;
/// A mint's check waits this long, until the mint has long been stored or is known to be lost.
pub(super) const CHECK_AFTER_SECONDS: i64 = 60;
/// How long after a call was given up CometChat may still carry it out: seconds.
pub const LATE_CALL_SECONDS: i64 = 120;
/// The longest that a job waits for another try.
pub const LONGEST_WAIT_SECONDS: i64 = 10 * 60;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Make CometChat's user what the database says: there with this name, or gone. One row a user.
    SyncUser,
    /// Revoke one chat token. The payload is the token.
    RevokeToken,
    /// Written before a token is asked for, deleted when it is stored. One that is left over says that a
    /// token may have been made that nobody has: find it and revoke it. No payload.
    CheckMint,
}

impl Kind {
    const ALL: [Self; 3] = [Self::SyncUser, Self::RevokeToken, Self::CheckMint];

    pub fn name(self) -> &'static str {
        match self {
            Self::SyncUser => "sync_user",
            Self::RevokeToken => "revoke_token",
            Self::CheckMint => "check_mint",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

pub(super) fn new_id() -> String {
    uuid::Uuid::now_v7().simple().to_string()
}

fn sync_id(uid: &str) -> String {
    format!("sync:{uid}")
}

/// Users of one change who are made at CometChat at once; the others come after them, [`A_SECOND`] at a time.
const AT_ONCE: i64 = 100;
/// Users in a second. Each takes two calls, and CometChat's lowest limit is 500 calls a minute, which sign-ins need too.
const A_SECOND: i64 = 2;

/// Writes that CometChat's user `uid` is to be looked at. Wake the worker after the commit.
pub async fn sync_user(tx: &mut Tx, uid: &str, now: i64) -> Result<(), DbError> {
    sync_users(tx, [uid], 0, now).await
}

/// [`sync_user`] for many users, of whom there were `earlier` ones in the same change: not all at once, so that sign-ins
/// and what must be revoked do not wait behind them. Who signs in before their turn is made by that.
pub async fn sync_users<'a>(
    tx: &mut Tx,
    uids: impl IntoIterator<Item = &'a str>,
    earlier: i64,
    now: i64,
) -> Result<(), DbError> {
    let rows = json(
        uids.into_iter()
            .zip(earlier..)
            .map(|(uid, place)| (sync_id(uid), uid, now + (place - AT_ONCE).max(0) / A_SECOND)),
    );
    // Who is due already does not have to wait again. `WHERE true`: without it SQLite takes ON for a condition of a join.
    let sql = tx.pick(
        "INSERT INTO chat_jobs (id, kind, uid, payload_sealed, version, attempts, run_at,
                                claim, claimed_until, parked, last_error, created_at, unsettled_until)
         SELECT value ->> 0, $2, value ->> 1, '', 1, 0, value ->> 2, '', 0, 0, '', value ->> 2, 0 FROM json_each($1)
         WHERE true
         ON CONFLICT (id) DO UPDATE SET version = chat_jobs.version + 1, attempts = 0, created_at = excluded.created_at,
           run_at = CASE WHEN chat_jobs.parked = 0 AND chat_jobs.attempts = 0 AND excluded.run_at > $3
                              AND chat_jobs.run_at < excluded.run_at
                         THEN chat_jobs.run_at ELSE excluded.run_at END,
                                        parked = 0, last_error = ''",
        "INSERT INTO chat_jobs (id, kind, uid, payload_sealed, version, attempts, run_at,
                                claim, claimed_until, parked, last_error, created_at, unsettled_until)
         SELECT value ->> 0, $2, value ->> 1, '', 1, 0, (value ->> 2)::bigint, '', 0, 0, '', (value ->> 2)::bigint, 0
         FROM json_array_elements($1::json)
         ON CONFLICT (id) DO UPDATE SET version = chat_jobs.version + 1, attempts = 0, created_at = excluded.created_at,
           run_at = CASE WHEN chat_jobs.parked = 0 AND chat_jobs.attempts = 0 AND excluded.run_at > $3
                              AND chat_jobs.run_at < excluded.run_at
                         THEN chat_jobs.run_at ELSE excluded.run_at END,
                                        parked = 0, last_error = ''",
    );
    tx.run(sql, values![rows, Kind::SyncUser.name(), now]).await?;
    Ok(())
}

/// Has those who are due and not yet tried come one after the other once more, where they have become too many: while no
/// server ran, or CometChat was away.
pub async fn pace(db: &Db, now: i64) -> Result<(), DbError> {
    let are_many =
        "SELECT 1 FROM chat_jobs WHERE parked = 0 AND run_at <= $1 AND kind = 'sync_user' AND attempts = 0
                    LIMIT 1 OFFSET $2";
    if db.read(are_many, values![now, 2 * AT_ONCE]).await?.is_empty() {
        return Ok(());
    }
    db.write(
        "UPDATE chat_jobs SET run_at = $1 + (late.place - $2) / $3, created_at = $1 + (late.place - $2) / $3
         FROM (SELECT id, row_number() OVER (ORDER BY run_at, id) AS place FROM chat_jobs
               WHERE parked = 0 AND run_at <= $1 AND claimed_until <= $1 AND kind = 'sync_user' AND attempts = 0) AS late
         WHERE chat_jobs.id = late.id AND late.place > $2",
        values![now, AT_ONCE, A_SECOND],
    )
    .await?;
    Ok(())
}

/// [`sync_user`] for a user who was never there before, claimed by the caller, who is about to do it.
/// Conclude it with [`done`] or [`retry`]; a caller who dies first leaves it to a worker.
pub async fn sync_new_user(tx: &mut Tx, uid: &str, now: i64) -> Result<Claimed, DbError> {
    let job = Claimed {
        id: sync_id(uid),
        claim: new_id(),
        kind: Kind::SyncUser,
        uid: uid.to_owned(),
        payload_sealed: String::new(),
        version: 1,
        attempts: 1,
        created_at: now,
    };
    tx.run(
        "INSERT INTO chat_jobs (id, kind, uid, payload_sealed, version, attempts, run_at,
                                claim, claimed_until, parked, last_error, created_at, unsettled_until)
         VALUES ($1, $2, $3, '', 1, 1, $4, $5, $6, 0, '', $4, 0)",
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
    let rows = json(tokens.into_iter().map(|(uid, sealed)| [new_id(), uid, sealed]));
    let sql = tx.pick(
        "INSERT INTO chat_jobs (id, kind, uid, payload_sealed, version, attempts, run_at,
                                claim, claimed_until, parked, last_error, created_at, unsettled_until)
         SELECT value ->> 0, $2, value ->> 1, value ->> 2, 1, 0, $3, '', 0, 0, '', $3, 0 FROM json_each($1)",
        "INSERT INTO chat_jobs (id, kind, uid, payload_sealed, version, attempts, run_at,
                                claim, claimed_until, parked, last_error, created_at, unsettled_until)
         SELECT value ->> 0, $2, value ->> 1, value ->> 2, 1, 0, $3, '', 0, 0, '', $3, 0
         FROM json_array_elements($1::json)",
    );
    tx.run(sql, values![rows, Kind::RevokeToken.name(), now]).await?;
    Ok(())
}

/// A job that whoever holds this has for the next minute.
#[derive(Debug)]
pub struct Claimed {
    pub id: String,
    claim: String,
    pub kind: Kind,
    pub uid: String,
    pub payload_sealed: String,
    version: i64,
    /// How often it was tried, this time included.
    pub attempts: i64,
    pub created_at: i64,
}

/// Takes the job that has been due longest; `None` when none is due.
pub async fn claim(db: &Db, now: i64) -> Result<Option<Claimed>, DbError> {
    // The outer condition is looked at again once PostgreSQL has the row's lock. A claim that is still there is that of a
    // worker that died: CometChat may yet carry out what it has asked for.
    let sql = db.pick(
        "UPDATE chat_jobs SET claim = $3, claimed_until = $2, attempts = attempts + 1,
           unsettled_until = CASE WHEN claim <> '' AND claimed_until + $4 > unsettled_until
                                  THEN claimed_until + $4 ELSE unsettled_until END
         WHERE id = (SELECT id FROM chat_jobs WHERE parked = 0 AND run_at <= $1 AND claimed_until <= $1
                     ORDER BY run_at, id LIMIT 1)
           AND parked = 0 AND claimed_until <= $1
         RETURNING id, kind, uid, payload_sealed, version, attempts, created_at",
        "UPDATE chat_jobs SET claim = $3, claimed_until = $2, attempts = attempts + 1,
           unsettled_until = CASE WHEN claim <> '' AND claimed_until + $4 > unsettled_until
                                  THEN claimed_until + $4 ELSE unsettled_until END
         WHERE id = (SELECT id FROM chat_jobs WHERE parked = 0 AND run_at <= $1 AND claimed_until <= $1
                     ORDER BY run_at, id LIMIT 1 FOR UPDATE SKIP LOCKED)
           AND parked = 0 AND claimed_until <= $1
         RETURNING id, kind, uid, payload_sealed, version, attempts, created_at",
    );
    let claim = new_id();
    let done = db.write(sql, values![now, now + CLAIM_SECONDS, &claim, LATE_CALL_SECONDS]).await?;
    let Some(row) = done.rows.first() else { return Ok(None) };
    let (id, version) = (row.text(0)?, row.int(4)?);
    let Some(kind) = Kind::parse(&row.text(1)?) else {
        put_aside(db, (&id, &claim, version), "this version knows no such kind of job").await?;
        return Ok(None);
    };
    Ok(Some(Claimed {
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
pub async fn done(db: &Db, job: &Claimed, now: i64) -> Result<(), DbError> {
    let deleted = db
        .write(
            "DELETE FROM chat_jobs WHERE id = $1 AND claim = $2 AND version = $3
               AND (unsettled_until <= $4 OR kind IN ('revoke_token', 'check_mint'))",
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
    job: &Claimed,
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
pub async fn bring_near(db: &Db, now: i64) -> Result<(), DbError> {
    let (furthest, soon) = (now + LONGEST_WAIT_SECONDS, now + CLAIM_SECONDS.max(CHECK_AFTER_SECONDS));
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
pub async fn park(db: &Db, job: &Claimed, error: &str) -> Result<(), DbError> {
    put_aside(db, (&job.id, &job.claim, job.version), error).await
}

async fn put_aside(db: &Db, (id, claim, version): (&str, &str, i64), error: &str) -> Result<(), DbError> {
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

/// How the queue stands.
pub struct Standing {
    pub waiting: i64,
    pub parked: i64,
    /// Seconds for which the job has waited that should have been done longest ago; zero when none should have been. One
    /// that was tried and put off counts from its beginning.
    pub lag: i64,
}

pub async fn standing(db: &Db, now: i64) -> Result<Standing, DbError> {
    let rows = db
        .read(
            "SELECT parked, count(*), min(CASE WHEN attempts > 0 THEN created_at ELSE run_at END)
         FROM chat_jobs GROUP BY parked",
            &[],
        )
        .await?;
    let mut standing = Standing { waiting: 0, parked: 0, lag: 0 };
    for row in &rows {
        if row.int(0)? == 1 {
            standing.parked = row.int(1)?;
        } else {
            (standing.waiting, standing.lag) = (row.int(1)?, (now - row.int(2)?).max(0));
        }
    }
    Ok(standing)
}

/// A job as an operator sees it.
pub struct Listed {
    pub kind: String,
    pub uid: String,
    pub attempts: i64,
    pub run_at: i64,
    pub is_parked: bool,
    pub last_error: String,
}

/// The jobs that wait, the parked ones first, at most `limit`.
pub async fn list(db: &Db, limit: i64) -> Result<Vec<Listed>, DbError> {
    let rows = db
        .read(
            "SELECT kind, uid, attempts, run_at, parked, last_error FROM chat_jobs
             ORDER BY parked DESC, run_at, id LIMIT $1",
            values![limit],
        )
        .await?;
    let listed = |row: &Row| {
        Ok(Listed {
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
