//! The job queue: what has to happen at CometChat because something happened here.
//!
//! A job is written in the transaction that makes it necessary, so neither can exist without the other,
//! and is deleted only when CometChat has said that it is done. It may be done twice; every kind bears
//! that. Several workers, also of several processes, may take from one queue: a job is claimed for a
//! while, and whoever dies with one lets go of it.

use crate::db::{Db, DbError, Row, Tx};
use crate::values;

/// How long a claim lasts: longer than the slowest job.
const CLAIM_SECONDS: i64 = 60;
/// A mint's check waits this long, until the mint has long been stored or is known to be lost.
const CHECK_AFTER_SECONDS: i64 = 60;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Make the user at CometChat, if they are not there. The payload is their name.
    EnsureUser,
    /// Revoke one chat token. The payload is the token.
    RevokeToken,
    /// Written before a token is asked for, deleted when it is stored. One that is left over says that a
    /// token may have been made that nobody has: find it and revoke it. No payload.
    CheckMint,
}

impl Kind {
    const ALL: [Self; 3] = [Self::EnsureUser, Self::RevokeToken, Self::CheckMint];

    pub fn name(self) -> &'static str {
        match self {
            Self::EnsureUser => "ensure_user",
            Self::RevokeToken => "revoke_token",
            Self::CheckMint => "check_mint",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// A job to be written.
pub struct Job<'a> {
    pub kind: Kind,
    pub uid: &'a str,
    /// Sealed for this uid; may be empty.
    pub payload_sealed: &'a str,
}

impl<'a> Job<'a> {
    pub fn ensure_user(uid: &'a str, name_sealed: &'a str) -> Self {
        Self { kind: Kind::EnsureUser, uid, payload_sealed: name_sealed }
    }

    pub fn revoke_token(uid: &'a str, token_sealed: &'a str) -> Self {
        Self { kind: Kind::RevokeToken, uid, payload_sealed: token_sealed }
    }
}

const INSERT: &str =
    "INSERT INTO chat_jobs (id, kind, uid, payload_sealed, attempts, run_at, claimed_until, parked,
                                             last_error, created_at)
                      VALUES ($1, $2, $3, $4, 0, $5, 0, 0, '', $6)";

fn new_id() -> String {
    uuid::Uuid::now_v7().simple().to_string()
}

/// Writes a job that is due at once. Wake the worker after the commit.
pub async fn enqueue(tx: &mut Tx, job: &Job<'_>, now: i64) -> Result<(), DbError> {
    tx.run(INSERT, values![new_id(), job.kind.name(), job.uid, job.payload_sealed, now, now]).await?;
    Ok(())
}

/// Writes that a token is about to be asked for, and says the job's id.
pub async fn expect_mint(db: &Db, uid: &str, now: i64) -> Result<String, DbError> {
    let id = new_id();
    let run_at = now + CHECK_AFTER_SECONDS;
    db.write(INSERT, values![&id, Kind::CheckMint.name(), uid, "", run_at, now]).await?;
    Ok(id)
}

const DELETE: &str = "DELETE FROM chat_jobs WHERE id = $1";

/// Deletes a job: it is done, or the transaction at hand makes it needless.
pub async fn settle(tx: &mut Tx, id: &str) -> Result<(), DbError> {
    tx.run(DELETE, values![id]).await?;
    Ok(())
}

/// [`settle`] in a transaction of its own.
pub async fn done(db: &Db, id: &str) -> Result<(), DbError> {
    db.write(DELETE, values![id]).await?;
    Ok(())
}

/// A job that this worker has for the next minute.
#[derive(Debug)]
pub struct Claimed {
    pub id: String,
    pub kind: Kind,
    pub uid: String,
    pub payload_sealed: String,
    /// How often it was tried, this time included.
    pub attempts: i64,
    pub created_at: i64,
}

/// Takes the job that has been due longest; `None` when none is due.
pub async fn claim(db: &Db, now: i64) -> Result<Option<Claimed>, DbError> {
    // The outer condition is looked at again once PostgreSQL has the row's lock.
    let sql = db.pick(
        "UPDATE chat_jobs SET claimed_until = $2, attempts = attempts + 1
         WHERE id = (SELECT id FROM chat_jobs WHERE parked = 0 AND run_at <= $1 AND claimed_until <= $1
                     ORDER BY run_at, id LIMIT 1)
           AND parked = 0 AND claimed_until <= $1
         RETURNING id, kind, uid, payload_sealed, attempts, created_at",
        "UPDATE chat_jobs SET claimed_until = $2, attempts = attempts + 1
         WHERE id = (SELECT id FROM chat_jobs WHERE parked = 0 AND run_at <= $1 AND claimed_until <= $1
                     ORDER BY run_at, id LIMIT 1 FOR UPDATE SKIP LOCKED)
           AND parked = 0 AND claimed_until <= $1
         RETURNING id, kind, uid, payload_sealed, attempts, created_at",
    );
    let done = db.write(sql, values![now, now + CLAIM_SECONDS]).await?;
    let Some(row) = done.rows.first() else { return Ok(None) };
    let id = row.text(0)?;
    let Some(kind) = Kind::parse(&row.text(1)?) else {
        park(db, &id, "this version knows no such kind of job").await?;
        return Ok(None);
    };
    Ok(Some(claimed(id, kind, row)?))
}

fn claimed(id: String, kind: Kind, row: &Row) -> Result<Claimed, DbError> {
    Ok(Claimed {
        id,
        kind,
        uid: row.text(2)?,
        payload_sealed: row.text(3)?,
        attempts: row.int(4)?,
        created_at: row.int(5)?,
    })
}

/// Gives a job back, to be tried again at `run_at`.
pub async fn retry(db: &Db, id: &str, run_at: i64, error: &str) -> Result<(), DbError> {
    db.write(
        "UPDATE chat_jobs SET run_at = $2, claimed_until = 0, last_error = $3 WHERE id = $1",
        values![id, run_at, error],
    )
    .await?;
    Ok(())
}

/// Puts aside a job that can never succeed, for a person to look at. It is not dropped.
pub async fn park(db: &Db, id: &str, error: &str) -> Result<(), DbError> {
    db.write(
        "UPDATE chat_jobs SET parked = 1, claimed_until = 0, last_error = $2 WHERE id = $1",
        values![id, error],
    )
    .await?;
    Ok(())
}

/// The sealed tokens of this user whose revocation is still to be done.
pub async fn tokens_to_revoke(db: &Db, uid: &str) -> Result<Vec<String>, DbError> {
    db.read(
        "SELECT payload_sealed FROM chat_jobs WHERE uid = $1 AND kind = $2",
        values![uid, Kind::RevokeToken.name()],
    )
    .await?
    .iter()
    .map(|row| row.text(0))
    .collect()
}
