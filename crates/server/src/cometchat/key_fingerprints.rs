//! The fingerprints of the secret keys that a database is used with, compared at each start.
//!
//! Two instances with different keys could not decrypt each other's values, and a key that is replaced without a fallback
//! leaves chat tokens that no instance can revoke. So a server starts only if the key that the database was last used
//! with is its own or one of its fallbacks.

use crate::crypto::seal::{Sealer, SecretKey};
use crate::db::{Db, DbError};
use crate::params;

/// Rows that one query reads.
const PAGE_SIZE: i64 = 1000;

#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error(
        "SECRET_KEY (fingerprint {own}) is not the key of this database (fingerprint {latest}), and \
         SECRET_KEY_FALLBACKS does not have that key. Set SECRET_KEY to the key of another instance or of a backup of \
         secret.key. To replace the key, add the old one to SECRET_KEY_FALLBACKS. If the old key is lost, run \
         `cometchat-auth chat adopt-key`"
    )]
    Unknown { own: String, latest: String },
    #[error(transparent)]
    Db(#[from] DbError),
}

/// The key that a database was last used with.
#[derive(sqlx::FromRow)]
struct Latest {
    fingerprint: String,
    /// The number of the key, counted up with each change.
    number: i64,
}

async fn latest(db: &Db) -> Result<Option<Latest>, DbError> {
    let sql = "SELECT fingerprint, number FROM key_fingerprints ORDER BY number DESC LIMIT 1";
    db.fetch_optional(sql, params![]).await
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

/// Returns an error if the database was last used with a key that is neither `key` nor one of `fallbacks`. Changes
/// nothing.
pub async fn check(db: &Db, key: &SecretKey, fallbacks: &[SecretKey]) -> Result<(), KeyError> {
    classify(latest(db).await?.as_ref(), key, fallbacks)
}

/// Like [`check`], and records `key` as the key of the database.
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
            // Another instance recorded its key first: compare with that one.
            Err(DbError::Duplicate) => {}
            recorded => return Ok(recorded?),
        }
    }
}

/// Records `key` as the successor of `latest`.
///
/// # Errors
/// [`DbError::Duplicate`] if another key was recorded as the successor.
async fn record(db: &Db, latest: Option<&Latest>, key: &SecretKey, now: i64) -> Result<(), DbError> {
    let fingerprint = key.fingerprint();
    let number = match latest {
        Some(latest) if latest.fingerprint == fingerprint => return Ok(()),
        Some(latest) => latest.number + 1,
        None => 1,
    };
    let sql = "INSERT INTO key_fingerprints (fingerprint, number, used_since) VALUES ($1, $2, $3)
               ON CONFLICT (fingerprint) DO UPDATE SET number = excluded.number, used_since = excluded.used_since";
    db.execute(sql, params![&fingerprint, number, now]).await?;
    tracing::info!(fingerprint, "recorded SECRET_KEY as the key of the database");
    Ok(())
}

/// The values that [`adopt_key`] abandoned.
pub struct AbandonedJobs {
    /// Sessions that get a new chat token.
    pub sessions: u64,
    /// Chat tokens of ended sessions, which stay valid at CometChat.
    pub revocations: u64,
}

/// Makes `key` the key of the database after its old key was lost. Abandons values that only the old key decrypts. It
/// can be repeated if it was interrupted.
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
        "SELECT token_hash AS id, user_id AS uid, chat_token_sealed AS sealed FROM sessions
         WHERE token_hash > $1 AND chat_token_sealed IS NOT NULL ORDER BY token_hash LIMIT $2",
        "UPDATE sessions SET chat_token_sealed = NULL WHERE token_hash = $1 AND chat_token_sealed = $2",
    );
    let sessions = sessions.await?;
    let revocations = abandon_jobs(
        db,
        &sealer,
        "SELECT id, uid, payload_sealed AS sealed FROM chat_jobs
         WHERE id > $1 AND payload_sealed IS NOT NULL ORDER BY id LIMIT $2",
        "DELETE FROM chat_jobs WHERE id = $1 AND payload_sealed = $2",
    );
    let abandoned = AbandonedJobs { sessions, revocations: revocations.await? };
    record(db, latest(db).await?.as_ref(), key, now).await?;
    Ok(abandoned)
}

/// Runs `delete` for each row of `page` whose sealed value does not decrypt. Returns the number of these rows.
async fn abandon_jobs(
    db: &Db,
    sealer: &Sealer,
    page: &'static str,
    delete: &'static str,
) -> Result<u64, DbError> {
    #[derive(sqlx::FromRow)]
    struct SealedRow {
        id: String,
        uid: String,
        sealed: String,
    }
    let (mut abandoned, mut last) = (0, String::new());
    loop {
        let rows: Vec<SealedRow> = db.fetch_all(page, params![&last, PAGE_SIZE]).await?;
        let Some(row) = rows.last() else { return Ok(abandoned) };
        last.clone_from(&row.id);
        for SealedRow { id, uid, sealed } in rows {
            if sealer.open(&uid, &sealed).is_err() {
                abandoned += db.execute(delete, params![id, sealed]).await?;
            }
        }
    }
}
