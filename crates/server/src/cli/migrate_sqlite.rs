//! `cometchat-auth migrate-sqlite`: copies a SQLite database, with its sessions, into an empty PostgreSQL database.

use super::output::CliResult;
use crate::config::{CoreConfig, Sources, key_file};
use crate::db::{Db, check_url, sqlite_path};
use crate::params;
use std::fs;
use std::io::Write as _;

/// A table, which has the same columns in both databases.
struct Table {
    name: &'static str,
    /// Selects a page of rows of SQLite as JSON, ordered by key.
    read: &'static str,
    /// Inserts a JSON array of rows into PostgreSQL.
    write: &'static str,
}

/// A row of SQLite as a JSON object, with its key for the next page.
#[derive(sqlx::FromRow)]
struct CopiedRow {
    key: String,
    json: String,
}

macro_rules! table {
    ($name:literal, $key:literal $(, $column:literal)*) => {
        Table {
            name: $name,
            read: concat!(
                "SELECT ", $key, " AS key, json_object('", $key, "', ", $key, $(", '", $column, "', ", $column,)* ") AS json FROM ",
                $name, " WHERE ", $key, " > $1 ORDER BY ", $key, " LIMIT 1000"
            ),
            write: concat!(
                "INSERT INTO ", $name, " SELECT * FROM json_populate_recordset(NULL::", $name, ", $1::json)"
            ),
        }
    };
}

/// All tables, each after the tables that its foreign keys reference.
const TABLES: [Table; 8] = [
    table!(
        "users",
        "id",
        "email",
        "email_key",
        "name",
        "password_hash",
        "password_version",
        "assertion_login",
        "created_at",
        "updated_at"
    ),
    table!(
        "sessions",
        "token_hash",
        "public_id",
        "user_id",
        "created_at",
        "last_seen_at",
        "expires_at",
        "user_agent",
        "address",
        "chat_token_sealed"
    ),
    table!("login_failures", "key_hash", "account_hash", "failures", "last_at"),
    table!(
        "chat_jobs",
        "id",
        "kind",
        "uid",
        "payload_sealed",
        "version",
        "attempts",
        "bulk",
        "run_at",
        "claim",
        "claimed_until",
        "parked",
        "last_error",
        "created_at",
        "unsettled_until"
    ),
    table!("used_assertions", "id_hash", "expires_at"),
    table!("assertion_cutoffs", "user_id", "refused_until"),
    table!("key_fingerprints", "fingerprint", "number", "used_since"),
    table!("password_hash_kinds", "sample"),
];

#[derive(clap::Args)]
pub struct Args {
    /// URL of the SQLite database, such as sqlite://data/cometchat-auth.db
    #[arg(value_name = "URL")]
    sqlite_url: String,
}

pub async fn run(args: &Args, sources: &Sources) -> CliResult {
    let source_url = &args.sqlite_url;
    if !source_url.starts_with("sqlite:") {
        // Without the argument, which may be a URL with a password.
        return Err("the argument is not a SQLite URL like sqlite://data/cometchat-auth.db".into());
    }
    check_url(source_url).map_err(|error| format!("{source_url}: {error}"))?;
    let core = CoreConfig::read(sources)?;
    let target_url = core.database_url.expose();
    if sqlite_path(target_url).is_some() {
        return Err("DATABASE_URL must be a PostgreSQL URL: postgres://…".into());
    }
    check_same_key(source_url, target_url, sources)?;
    let from = Db::open_existing(source_url).await?;
    let to = Db::open(target_url).await?;
    let result = copy(&from, &to).await;
    from.close().await;
    to.close().await;
    let copied = result?;
    writeln!(
        std::io::stdout(),
        "copied {copied}. Start the server with the same SECRET_KEY as before. The SQLite file is unchanged."
    )?;
    Ok(())
}

/// Returns an error if the generated key files of the two databases differ: the copied data could not be decrypted.
fn check_same_key(from: &str, to: &str, sources: &Sources) -> CliResult {
    if sources.get("SECRET_KEY").or(sources.get("SECRET_KEY_FILE")).is_some() {
        return Ok(());
    }
    let (from, to) = (key_file(from), key_file(to));
    let (source_key, target_key) = (fs::read(&from).ok(), fs::read(&to).ok());
    if source_key.is_some() && source_key != target_key {
        let (from, to) = (from.display(), to.display());
        return Err(format!(
            "the SQLite database is encrypted with the key in {from}: copy it to {to}, or set SECRET_KEY_FILE={from}"
        )
        .into());
    }
    Ok(())
}

/// Copies all tables. Returns a summary of the number of rows.
async fn copy(from: &Db, to: &Db) -> Result<String, Box<dyn std::error::Error>> {
    // One transaction on each side: the copy is consistent even if a server still writes to SQLite.
    let mut from = from.begin().await?;
    let mut to = to.begin().await?;
    // A server that was started on the empty database has written rows to these three tables. The rows of SQLite
    // replace them: failure counts,
    to.execute("DELETE FROM login_failures", params![]).await?;
    // the fingerprint of the secret key, which must be that of the copied data,
    to.execute("DELETE FROM key_fingerprints", params![]).await?;
    // and the kind of new password hashes.
    to.execute("DELETE FROM password_hash_kinds", params![]).await?;
    let any_row =
        "SELECT 1 FROM users UNION ALL SELECT 1 FROM chat_jobs UNION ALL SELECT 1 FROM used_assertions
                 UNION ALL SELECT 1 FROM assertion_cutoffs LIMIT 1";
    if to.exists(any_row, params![]).await? {
        return Err("the database at DATABASE_URL is not empty; nothing was copied".into());
    }
    let mut copied = Vec::new();
    for Table { name, read, write } in TABLES {
        let (mut count, mut last) = (0, String::new());
        loop {
            let page: Vec<CopiedRow> = from.fetch_all(read, params![&last]).await?;
            let Some(row) = page.last() else { break };
            last.clone_from(&row.key);
            let rows: Vec<_> = page.iter().map(|row| row.json.as_str()).collect();
            to.execute(write, params![format!("[{}]", rows.join(","))]).await?;
            count += page.len();
        }
        if name == "users" && count == 0 {
            return Err("the SQLite database has no users; nothing was copied".into());
        }
        copied.push(format!("{count} {}", name.replace('_', " ")));
    }
    to.commit_without_timeout().await?;
    Ok(copied.join(", "))
}
