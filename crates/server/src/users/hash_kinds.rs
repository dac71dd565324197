//! The kinds of password hashes that users have. The duration of a failed login must not reveal the kind.
//!
//! The kinds have their own table, so that no server has to read all users. A kind stays listed after its last user
//! got another hash: failed logins then take longer than necessary, but reveal nothing.

use crate::db::{Db, DbError, Tx, json_array};
use crate::params;
use crate::passwords::{HashKind, Hasher};
use std::collections::BTreeSet;

/// Adds the kinds of these hashes to the table.
pub async fn add<'a>(tx: &mut Tx, hashes: impl Iterator<Item = &'a str>) -> Result<(), DbError> {
    // Sorted, so that two transactions cannot deadlock.
    let samples: BTreeSet<String> = hashes.filter_map(HashKind::of).map(HashKind::sample).collect();
    if samples.is_empty() {
        return Ok(());
    }
    let sql = tx.dialect(
        "INSERT INTO password_hash_kinds (sample) SELECT value FROM json_each($1) WHERE true ON CONFLICT DO NOTHING",
        "INSERT INTO password_hash_kinds (sample) SELECT value FROM json_array_elements_text($1::json)
         ON CONFLICT DO NOTHING",
    );
    tx.execute(sql, params![json_array(samples)]).await?;
    Ok(())
}

/// Passes the listed kinds to the hasher, and lists the hasher's own. It runs at the start and every minute, because
/// imports and other servers add kinds.
pub async fn share(db: &Db, hasher: &Hasher) -> Result<(), DbError> {
    let samples: Vec<(String,)> = db.fetch_all("SELECT sample FROM password_hash_kinds", params![]).await?;
    let own = hasher.kind().sample();
    if !samples.iter().any(|(sample,)| *sample == own) {
        let mut tx = db.begin().await?;
        add(&mut tx, [own.as_str()].into_iter()).await?;
        tx.commit().await?;
    }
    hasher.add_stored_kinds(samples.iter().filter_map(|(sample,)| HashKind::of(sample)));
    Ok(())
}
