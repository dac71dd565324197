//! Which secret keys a database is used with: their fingerprints, compared at each start.
//!
//! Two instances with different keys would each fail to open what the other seals, and a key that is changed without the
//! one before it leaves chat tokens that no instance can revoke. So a server starts only with the key that the database
//! was last used with, as its own or among its fallbacks.

use crate::crypto::seal::{Sealer, SecretKey};
use crate::db::{Db, DbError};
use crate::values;

/// Rows that are looked through in one visit to the database.
const PAGE_SIZE: i64 = 1000;

#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error(
        "SECRET_KEY (fingerprint {own}) is not the key that this database is used with (fingerprint {latest}), and \
         SECRET_KEY_FALLBACKS does not have that one. Set SECRET_KEY to it: another instance has it, or a backup of \
         secret.key. To change keys, put it into SECRET_KEY_FALLBACKS. If it is lost, \
         `cometchat-auth chat adopt-key` makes this one the database's key"
    )]
    Unknown { own: String, latest: String },
    #[error(transparent)]
    Db(#[from] DbError),
}

/// The key that a database was last used with.
struct Latest {
    fingerprint: String,
    /// Counts the changes of keys.
    number: i64,
}

async fn latest(db: &Db) -> Result<Option<Latest>, DbError> {
    let sql = "SELECT fingerprint, number FROM key_fingerprints ORDER BY number DESC LIMIT 1";
    let rows = db.read(sql, &[]).await?;
    rows.first().map(|row| Ok(Latest { fingerprint: row.text(0)?, number: row.int(1)? })).transpose()
}

fn classify(latest: Option<&Latest>, key: &SecretKey, fallbacks: &[SecretKey]) -> Result<(), KeyError> {
    match latest {
        Some(Latest { fingerprint, .. })
            if std::iter::once(key).chain(fallbacks).all(|key| key.fingerprint() != *fingerprint) =>
        {
            Err(KeyError::Unknown { own: key.fingerprint(), latest: fingerprint.clone() })
        }
        _ => Ok(()),
    }
}

/// Fails unless the database was last used with `key` or one of `fallbacks`, or never with any. Changes nothing.
pub async fn check(db: &Db, key: &SecretKey, fallbacks: &[SecretKey]) -> Result<(), KeyError> {
    classify(latest(db).await?.as_ref(), key, fallbacks)
}

/// [`check`], and records that the database is used with `key` from now on.
pub async fn check_or_record(
    db: &Db,
    key: &SecretKey,
    fallbacks: &[SecretKey],
    now: i64,
) -> Result<(), KeyError> {
    loop {
        let latest = latest(db).await?;
        classify(latest.as_ref(), key, fallbacks)?;
        match record(db, latest.as_ref(), key, now).await {
            // Another instance has recorded its key since the look: that one counts.
            Err(DbError::Duplicate) => {}
            recorded => return Ok(recorded?),
        }
    }
}

/// Writes that `key` is the one that the database is used with after `latest`. [`DbError::Duplicate`]: another key has
/// come after that one already.
async fn record(db: &Db, latest: Option<&Latest>, key: &SecretKey, now: i64) -> Result<(), DbError> {
    let fingerprint = key.fingerprint();
    let number = match latest {
        Some(latest) if latest.fingerprint == fingerprint => return Ok(()),
        Some(latest) => latest.number + 1,
        None => 1,
    };
    let sql = "INSERT INTO key_fingerprints (fingerprint, number, used_since) VALUES ($1, $2, $3)
               ON CONFLICT (fingerprint) DO UPDATE SET number = excluded.number, used_since = excluded.used_since";
    db.write(sql, values![&fingerprint, number, now]).await?;
    tracing::info!(fingerprint, "the database is used with this SECRET_KEY from now on");
    Ok(())
}

/// The counts of values that [`adopt`] gave up.
pub struct AbandonedJobs {
    /// Sessions that get another chat token.
    pub sessions: u64,
    /// Chat tokens of ended sessions, which stay valid at CometChat.
    pub revocations: u64,
}

/// Makes `key` the database's key although the one before is lost: gives up what does not open with it. May be repeated
/// when it was cut short.
pub async fn adopt_key(
    db: &Db,
    key: &SecretKey,
    fallbacks: &[SecretKey],
    now: i64,
) -> Result<AbandonedJobs, DbError> {
    let sealer = Sealer::new(key, fallbacks);
    let sessions = abandon_jobs(
        db,
        &sealer,
        "SELECT token_hash, user_id, chat_token_sealed FROM sessions
         WHERE token_hash > $1 AND chat_token_sealed <> '' ORDER BY token_hash LIMIT $2",
        "UPDATE sessions SET chat_token_sealed = '' WHERE token_hash = $1 AND chat_token_sealed = $2",
    );
    let sessions = sessions.await?;
    let revocations = abandon_jobs(
        db,
        &sealer,
        "SELECT id, uid, payload_sealed FROM chat_jobs WHERE id > $1 AND payload_sealed <> '' ORDER BY id LIMIT $2",
        "DELETE FROM chat_jobs WHERE id = $1 AND payload_sealed = $2",
    );
    let given_up = AbandonedJobs { sessions, revocations: revocations.await? };
    record(db, latest(db).await?.as_ref(), key, now).await?;
    Ok(given_up)
}

/// Runs `forget` for each row of `page` whose sealed value does not open. Says how many there were.
async fn abandon_jobs(
    db: &Db,
    sealer: &Sealer,
    page: &'static str,
    forget: &'static str,
) -> Result<u64, DbError> {
    let (mut given_up, mut last) = (0, String::new());
    loop {
        let rows = db.read(page, values![&last, PAGE_SIZE]).await?;
        let Some(row) = rows.last() else { return Ok(given_up) };
        last = row.text(0)?;
        for row in &rows {
            let (id, uid, sealed) = (row.text(0)?, row.text(1)?, row.text(2)?);
            if sealer.open(&uid, &sealed).is_err() {
                given_up += db.write(forget, values![id, sealed]).await?.affected;
            }
        }
    }
}
