//! Users: who they are, how they are found, and their rows.
//!
//! A user's id is their uid at CometChat as well, so whatever is done to one here is done there, by a
//! job in the same transaction. Knows nothing of HTTP or of the wire.

use crate::db::{Db, DbError, Row, Tx};
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
            "SELECT id, email, name, password_hash FROM users WHERE email_key = $1",
            values![email_key(email)],
        )
        .await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let password_hash = row.text(3)?;
    Ok(Some(Credentials {
        user: user(row)?,
        password_hash: (!password_hash.is_empty()).then_some(password_hash),
    }))
}

fn user(row: &Row) -> Result<User, DbError> {
    Ok(User { id: row.text(0)?, email: row.text(1)?, name: row.text(2)? })
}

/// Adds a user. The caller adds the job that makes them at CometChat to the same transaction.
///
/// # Errors
/// [`DbError::Duplicate`] when the id or the address is taken; the transaction must then be dropped.
pub async fn insert(tx: &mut Tx, user: &User, password_hash: &str, now: i64) -> Result<(), DbError> {
    tx.run(
        "INSERT INTO users (id, email, email_key, name, password_hash, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $6)",
        values![&user.id, &user.email, email_key(&user.email), &user.name, password_hash, now],
    )
    .await?;
    Ok(())
}

/// Stores a hash of the same password under newer parameters, unless the password was changed since
/// `old` was read.
pub async fn replace_hash(db: &Db, id: &str, old: &str, new: &str, now: i64) -> Result<(), DbError> {
    db.write(
        "UPDATE users SET password_hash = $3, updated_at = $4 WHERE id = $1 AND password_hash = $2",
        values![id, old, new, now],
    )
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_mailbox_has_one_key_however_it_is_typed() {
        assert_eq!(email_key(" Test@Example.COM "), "test@example.com");
        assert_eq!(email_key("ｔest@example.com"), "test@example.com");
        assert_eq!(email_key("STRASSE@example.com"), "strasse@example.com");
        assert_ne!(email_key("straße@example.com"), email_key("strasse@example.com"));
    }
}
