//! The kinds of password hashes that users have: what a failed sign-in must not tell apart by its time.
//!
//! Listed in a table of their own, so that no server has to look through all users for them. A kind stays listed when
//! its last user has another hash: then failures take longer than they would have to, and tell nothing.

use crate::db::{Db, DbError, Tx, json_array};
use crate::passwords::{HashKind, Hasher};
use crate::values;
use std::collections::BTreeSet;

/// Adds the kinds of these hashes to those listed; a user without a password has none.
pub async fn add<'a>(tx: &mut Tx, hashes: impl Iterator<Item = &'a str>) -> Result<(), DbError> {
    // In one order, so that two transactions do not wait for each other.
    let samples: BTreeSet<String> = hashes.filter_map(HashKind::of).map(HashKind::sample).collect();
    if samples.is_empty() {
        return Ok(());
    }
    let sql = tx.pick(
        "INSERT INTO password_hash_kinds (sample) SELECT value FROM json_each($1) WHERE true ON CONFLICT DO NOTHING",
        "INSERT INTO password_hash_kinds (sample) SELECT value FROM json_array_elements_text($1::json)
         ON CONFLICT DO NOTHING",
    );
    tx.run(sql, values![json_array(samples)]).await?;
    Ok(())
}

/// Tells the hasher the kinds that are listed, and lists its own. Done at the start and every minute, since imports and
/// other servers add kinds.
pub async fn share(db: &Db, hasher: &Hasher) -> Result<(), DbError> {
    let rows = db.read("SELECT sample FROM password_hash_kinds", &[]).await?;
    let samples = rows.iter().map(|row| row.text(0)).collect::<Result<Vec<_>, _>>()?;
    let own = hasher.kind().sample();
    if !samples.contains(&own) {
        let mut tx = db.begin().await?;
        add(&mut tx, [own.as_str()].into_iter()).await?;
        tx.commit().await?;
    }
    hasher.add_stored_kinds(samples.iter().filter_map(|sample| HashKind::of(sample)));
    Ok(())
}
