//! Users: who they are, how they are found, and their rows.
//!
//! A user's id is their uid at CometChat as well, so whatever is done to one here is done there, by a
//! job in the same transaction. Knows nothing of HTTP or of the wire.

pub mod assertions;
pub mod hash_kinds;

use crate::auth::AccountError;
use crate::cometchat::job_queue;
use crate::db::{Db, DbError, Row, Tx, json_array};
use crate::throttle::{self, device_cookie::DeviceBinding};
use crate::values;
use unicode_normalization::UnicodeNormalization as _;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub id: String,
    /// As it was typed when the account was made.
    pub email: String,
    pub name: String,
}

/// A user and what signing in as them takes.
pub struct Credentials {
    pub user: User,
    /// `None`: this user has no password and cannot sign in with one.
    pub password_hash: Option<String>,
    /// Grows with each password of the user. It begins with the time at which the user is made, so that a password of
    /// somebody who had the same id before has another.
    pub password_version: i64,
}

impl Credentials {
    /// What a browser is known for where these were given.
    pub fn device_binding(&self) -> DeviceBinding<'_> {
        DeviceBinding { user_id: &self.user.id, password_version: self.password_version }
    }
}

/// What an e-mail address is compared by: NFKC and lower case, so that one mailbox is one account
/// however it is typed. Made here and not in SQL, because the two databases fold case differently.
pub fn email_key(email: &str) -> String {
    email.trim().nfkc().collect::<String>().to_lowercase()
}

/// The user with this address, however its case was typed.
pub async fn find_by_email(db: &Db, email: &str) -> Result<Option<Credentials>, DbError> {
    let rows = db
        .read(
            "SELECT id, email, name, password_hash, password_version FROM users WHERE email_key = $1",
            values![email_key(email)],
        )
        .await?;
    rows.first().map(credentials).transpose()
}

/// Of a row with id, email, name, password hash and password version.
pub fn credentials(row: &Row) -> Result<Credentials, DbError> {
    let password_hash = row.text(3)?;
    Ok(Credentials {
        user: user(row)?,
        password_hash: (!password_hash.is_empty()).then_some(password_hash),
        password_version: row.int(4)?,
    })
}

/// The user with this id.
pub async fn find(db: &Db, id: &str) -> Result<Option<User>, DbError> {
    let rows = db.read("SELECT id, email, name FROM users WHERE id = $1", values![id]).await?;
    rows.first().map(user).transpose()
}

/// At most `limit` users, by their ids, after this one; an empty id comes before all.
pub async fn list_after(db: &Db, after: &str, limit: i64) -> Result<Vec<User>, DbError> {
    let sql = "SELECT id, email, name FROM users WHERE id > $1 ORDER BY id LIMIT $2";
    db.read(sql, values![after, limit]).await?.iter().map(user).collect()
}

/// Adds users, each with the hash of their password, who are made at CometChat by a worker, when it has nothing else to
/// do. A thousand at once take three statements, and not three thousand visits to the database.
///
/// # Errors
/// As [`insert`], and [`AccountError::BeingDeleted`].
pub async fn insert_many(tx: &mut Tx, users: &[(User, String)], now: i64) -> Result<(), AccountError> {
    let rows = users.iter().map(|(user, hash)| {
        let User { id, email, name } = user;
        serde_json::json!([id, email, email_key(email), name, hash])
    });
    let sql = tx.pick(
        "INSERT INTO users (id, email, email_key, name, password_hash, assertion_login,
                            password_version, created_at, updated_at)
         SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4,
                CASE WHEN value ->> 4 = '' THEN 1 ELSE 0 END, $2, $2, $2
         FROM json_each($1)",
        "INSERT INTO users (id, email, email_key, name, password_hash, assertion_login,
                            password_version, created_at, updated_at)
         SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4,
                CASE WHEN value ->> 4 = '' THEN 1 ELSE 0 END, $2, $2, $2
         FROM json_array_elements($1::json)",
    );
    tx.run(sql, values![json_array(rows), now]).await?;
    hash_kinds::add(tx, users.iter().map(|(_, hash)| hash.as_str())).await?;
    // What was tried on these addresses while nobody had them must not keep out who has them now.
    throttle::clear_many(tx, users.iter().map(|(user, _)| user.email.as_str())).await?;
    let uids = users.iter().map(|(user, _)| user.id.as_str());
    match job_queue::sync_users(tx, uids, users.len() > 1, now).await? {
        Some(uid) => Err(AccountError::BeingDeleted(uid)),
        None => Ok(()),
    }
}

/// Creates this user without a password, or updates their address and name, and enqueues the same for CometChat. An
/// account that assertions may not sign in to is left as it is. Returns whether anything was written.
///
/// # Errors
/// [`AccountError::EmailTaken`] when another user has the address, [`AccountError::BeingDeleted`] when another user had the
/// id; the transaction must then be dropped.
pub async fn upsert(tx: &mut Tx, user: &User, now: i64) -> Result<bool, AccountError> {
    let done = tx
        .run(
            "INSERT INTO users (id, email, email_key, name, password_hash, assertion_login,
                                password_version, created_at, updated_at)
             VALUES ($1, $2, $3, $4, '', 1, $5, $5, $5)
             ON CONFLICT (id) DO UPDATE SET email = $2, email_key = $3, name = $4, updated_at = $5
             WHERE users.assertion_login = 1 AND (users.email <> $2 OR users.name <> $4)",
            values![&user.id, &user.email, email_key(&user.email), &user.name, now],
        )
        .await;
    let done = match done {
        Err(DbError::Duplicate) => return Err(AccountError::EmailTaken),
        done => done?,
    };
    if done.affected > 0 && job_queue::sync_user(tx, &user.id, now).await? {
        return Err(AccountError::BeingDeleted(user.id.clone()));
    }
    Ok(done.affected > 0)
}

/// The version of the password that this user has now, which nobody changes before the transaction ends;
/// `None` when the user is gone.
pub async fn lock_for_update(tx: &mut Tx, id: &str) -> Result<Option<i64>, DbError> {
    let sql = tx.pick(
        "SELECT password_version FROM users WHERE id = $1",
        "SELECT password_version FROM users WHERE id = $1 FOR UPDATE",
    );
    tx.run(sql, values![id]).await?.rows.first().map(|row| row.int(0)).transpose()
}

fn user(row: &Row) -> Result<User, DbError> {
    Ok(User { id: row.text(0)?, email: row.text(1)?, name: row.text(2)? })
}

/// Adds a user. The caller sees to it that they are made at CometChat, in the same transaction. Assertions may sign in
/// who has no password; a user with one is linked by an operator.
///
/// # Errors
/// [`DbError::Duplicate`] when the id or the address is taken; the transaction must then be dropped.
pub async fn insert(tx: &mut Tx, user: &User, password_hash: &str, now: i64) -> Result<(), DbError> {
    tx.run(
        "INSERT INTO users (id, email, email_key, name, password_hash, assertion_login,
                            password_version, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, CASE WHEN $5 = '' THEN 1 ELSE 0 END, $6, $6, $6)",
        values![&user.id, &user.email, email_key(&user.email), &user.name, password_hash, now],
    )
    .await?;
    Ok(())
}

/// Stores another hash of the same password, unless the user has another hash than `old` by now.
pub async fn replace_hash(db: &Db, id: &str, old: &str, new: &str, now: i64) -> Result<(), DbError> {
    db.write(
        "UPDATE users SET password_hash = $3, updated_at = $4 WHERE id = $1 AND password_hash = $2",
        values![id, old, new, now],
    )
    .await?;
    Ok(())
}

/// Gives a user another password. The caller ends their sessions in the same transaction.
pub async fn update_password(tx: &mut Tx, id: &str, hash: &str, now: i64) -> Result<(), DbError> {
    tx.run(
        "UPDATE users SET password_hash = $2, password_version = password_version + 1, updated_at = $3
         WHERE id = $1",
        values![id, hash, now],
    )
    .await?;
    Ok(())
}

/// Gives a user another name, here and in the end at CometChat. `None`: there is no such user.
pub async fn rename(tx: &mut Tx, id: &str, name: &str, now: i64) -> Result<Option<User>, DbError> {
    let done = tx
        .run(
            "UPDATE users SET name = $2, updated_at = $3 WHERE id = $1 RETURNING id, email, name",
            values![id, name, now],
        )
        .await?;
    let Some(row) = done.rows.first() else { return Ok(None) };
    job_queue::sync_user(tx, id, now).await?;
    Ok(Some(user(row)?))
}

/// Deletes a user, here and in the end at CometChat. Their sessions must have ended before, in this
/// transaction.
pub async fn delete(tx: &mut Tx, id: &str, now: i64) -> Result<(), DbError> {
    tx.run("DELETE FROM users WHERE id = $1", values![id]).await?;
    job_queue::sync_user(tx, id, now).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn email_key_ignores_case_width_and_spaces() {
        assert_eq!(email_key(" Test@Example.COM "), "test@example.com");
        assert_eq!(email_key("ｔest@example.com"), "test@example.com");
        assert_eq!(email_key("STRASSE@example.com"), "strasse@example.com");
        assert_ne!(email_key("straße@example.com"), email_key("strasse@example.com"));
    }
}
