//! Users: their rows and queries.
//!
//! A user's id is also the uid at CometChat. Every change that CometChat must follow enqueues a job in the same
//! transaction.

pub mod assertions;
pub mod email;
pub mod hash_kinds;
pub mod name;

use crate::cometchat::job_queue;
use crate::db::{Db, DbError, Tx, json_array};
use crate::params;
use crate::throttle::{self, device_cookie::DeviceBinding};
use email::email_key;

#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct User {
    pub id: String,
    /// As the user typed it, with the domain in letters.
    pub email: String,
    pub name: String,
}

/// A user with the credentials of a login by password.
#[derive(sqlx::FromRow)]
pub struct Credentials {
    #[sqlx(flatten)]
    pub user: User,
    /// `None` if the user has no password.
    pub password_hash: Option<String>,
    /// Raised by each new password. It starts with the creation time, so that a later user with the same id has
    /// other versions.
    pub password_version: i64,
}

impl Credentials {
    /// Returns what a device cookie of this user is bound to.
    pub fn device_binding(&self) -> DeviceBinding<'_> {
        DeviceBinding { user_id: &self.user.id, password_version: self.password_version }
    }
}

/// A user cannot be stored. Drop the transaction.
#[derive(Debug, thiserror::Error)]
pub enum UserError {
    #[error("another user has this email address")]
    EmailTaken,
    /// CometChat still has the messages of an earlier user with this id.
    #[error("the deletion of an earlier user {0} is still due at CometChat")]
    BeingDeleted(String),
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Returns the user with this email address, in any spelling with the same [`email_key`].
pub async fn find_by_email(db: &Db, email: &str) -> Result<Option<Credentials>, DbError> {
    let sql = "SELECT id, email, name, password_hash, password_version FROM users WHERE email_key = $1";
    db.fetch_optional(sql, params![email_key(email)]).await
}

pub async fn find(db: &Db, id: &str) -> Result<Option<User>, DbError> {
    db.fetch_optional("SELECT id, email, name FROM users WHERE id = $1", params![id]).await
}

/// Returns at most `limit` users with an id after `after`, ordered by id. An empty id comes before all others.
pub async fn list_after(db: &Db, after: &str, limit: i64) -> Result<Vec<User>, DbError> {
    let sql = "SELECT id, email, name FROM users WHERE id > $1 ORDER BY id LIMIT $2";
    db.fetch_all(sql, params![after, limit]).await
}

/// Returns the version of this user's password, or `None` if there is no such user. The password cannot change
/// before the transaction ends.
pub async fn lock_for_update(tx: &mut Tx, id: &str) -> Result<Option<i64>, DbError> {
    let sql = tx.dialect(
        "SELECT password_version FROM users WHERE id = $1",
        "SELECT password_version FROM users WHERE id = $1 FOR UPDATE",
    );
    let version: Option<(i64,)> = tx.fetch_optional(sql, params![id]).await?;
    Ok(version.map(|(version,)| version))
}

/// Inserts a user. The caller enqueues the creation at CometChat in the same transaction. A user without a password
/// may log in by assertion; an operator links a user with one.
///
/// # Errors
/// [`DbError::Duplicate`] if the id or the email address is taken: drop the transaction.
pub async fn insert(tx: &mut Tx, user: &User, password_hash: Option<&str>, now: i64) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO users (id, email, email_key, name, password_hash, assertion_login,
                            password_version, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, CASE WHEN $5 IS NULL THEN 1 ELSE 0 END, $6, $6, $6)",
        params![&user.id, &user.email, email_key(&user.email), &user.name, password_hash, now],
    )
    .await?;
    Ok(())
}

/// Inserts users, each with the hash of their password, if any, and enqueues low-priority jobs that create them at
/// CometChat. It runs a fixed number of statements, however many users there are.
///
/// # Errors
/// Like [`insert`], and [`UserError::BeingDeleted`].
pub async fn insert_many(tx: &mut Tx, users: &[(User, Option<String>)], now: i64) -> Result<(), UserError> {
    let rows = users.iter().map(|(user, hash)| {
        let User { id, email, name } = user;
        serde_json::json!([id, email, email_key(email), name, hash])
    });
    let sql = tx.dialect(
        "INSERT INTO users (id, email, email_key, name, password_hash, assertion_login,
                            password_version, created_at, updated_at)
         SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4,
                CASE WHEN value ->> 4 IS NULL THEN 1 ELSE 0 END, $2, $2, $2
         FROM json_each($1)",
        "INSERT INTO users (id, email, email_key, name, password_hash, assertion_login,
                            password_version, created_at, updated_at)
         SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4,
                CASE WHEN value ->> 4 IS NULL THEN 1 ELSE 0 END, $2, $2, $2
         FROM json_array_elements($1::json)",
    );
    tx.execute(sql, params![json_array(rows), now]).await?;
    hash_kinds::add(tx, users.iter().filter_map(|(_, hash)| hash.as_deref())).await?;
    // Failures that were counted for these addresses before the users existed must not lock them out.
    throttle::clear_many(tx, users.iter().map(|(user, _)| user.email.as_str())).await?;
    let uids = users.iter().map(|(user, _)| user.id.as_str());
    match job_queue::enqueue_syncs(tx, uids, users.len() > 1, now).await? {
        Some(uid) => Err(UserError::BeingDeleted(uid)),
        None => Ok(()),
    }
}

/// Creates a user without a password, or updates the email address and name of the user with this id, and enqueues
/// the same for CometChat. A user that assertions may not log in is left unchanged. Returns whether a row was written.
pub async fn upsert(tx: &mut Tx, user: &User, now: i64) -> Result<bool, UserError> {
    let written = tx
        .execute(
            "INSERT INTO users (id, email, email_key, name, password_hash, assertion_login,
                                password_version, created_at, updated_at)
             VALUES ($1, $2, $3, $4, NULL, 1, $5, $5, $5)
             ON CONFLICT (id) DO UPDATE SET email = $2, email_key = $3, name = $4, updated_at = $5
             WHERE users.assertion_login = 1 AND (users.email <> $2 OR users.name <> $4)",
            params![&user.id, &user.email, email_key(&user.email), &user.name, now],
        )
        .await;
    let written = match written {
        Err(DbError::Duplicate) => return Err(UserError::EmailTaken),
        written => written? > 0,
    };
    if written && job_queue::enqueue_sync(tx, &user.id, now).await? {
        return Err(UserError::BeingDeleted(user.id.clone()));
    }
    Ok(written)
}

/// Replaces the hash of an unchanged password, unless the user's hash is no longer `old`.
pub async fn replace_hash(db: &Db, id: &str, old: &str, new: &str, now: i64) -> Result<(), DbError> {
    db.execute(
        "UPDATE users SET password_hash = $3, updated_at = $4 WHERE id = $1 AND password_hash = $2",
        params![id, old, new, now],
    )
    .await?;
    Ok(())
}

/// Sets a new password. The caller ends the user's sessions in the same transaction.
pub async fn update_password(tx: &mut Tx, id: &str, hash: &str, now: i64) -> Result<(), DbError> {
    tx.execute(
        "UPDATE users SET password_hash = $2, password_version = password_version + 1, updated_at = $3
         WHERE id = $1",
        params![id, hash, now],
    )
    .await?;
    Ok(())
}

/// Renames a user, and enqueues the same for CometChat. Returns `None` if there is no such user.
pub async fn rename(tx: &mut Tx, id: &str, name: &str, now: i64) -> Result<Option<User>, DbError> {
    let sql = "UPDATE users SET name = $2, updated_at = $3 WHERE id = $1 RETURNING id, email, name";
    let user = tx.fetch_optional(sql, params![id, name, now]).await?;
    if user.is_some() {
        job_queue::enqueue_sync(tx, id, now).await?;
    }
    Ok(user)
}

/// Deletes a user, and enqueues the same for CometChat. The caller ends the user's sessions before, in the same
/// transaction.
pub async fn delete(tx: &mut Tx, id: &str, now: i64) -> Result<(), DbError> {
    tx.execute("DELETE FROM users WHERE id = $1", params![id]).await?;
    job_queue::enqueue_sync(tx, id, now).await?;
    Ok(())
}
