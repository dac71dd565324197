//! `cometchat-auth copy-from`: all that a SQLite file holds, into an empty PostgreSQL. Who is signed in stays so.

use super::CliResult;
use crate::config::{CoreConfig, Sources, key_file};
use crate::db::{Db, sqlite_path};
use crate::params;
use clap::{Arg, ArgMatches, Command};
use std::fs;
use std::io::Write as _;

/// A table: its name, its rows in the order of their keys as JSON (SQLite), and how they come in (PostgreSQL, whose
/// columns have the same names).
struct Table {
    name: &'static str,
    read: &'static str,
    write: &'static str,
}

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

/// Each after those that its rows refer to.
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

pub fn command() -> Command {
    Command::new("copy-from")
        .about("Copies a SQLite database into the empty PostgreSQL at DATABASE_URL; stop the server first")
        .arg(
            Arg::new("sqlite")
                .required(true)
                .value_name("SQLITE")
                .help("The file's URL, like sqlite://data/cometchat-auth.db"),
        )
}

pub async fn run(matches: &ArgMatches, sources: &Sources) -> CliResult {
    let url = matches.get_one::<String>("sqlite").cloned().unwrap_or_default();
    if sqlite_path(&url).is_none() {
        return Err("copy from a file of SQLite: sqlite://data/cometchat-auth.db".into());
    }
    let store = CoreConfig::read(sources)?;
    if sqlite_path(store.database_url.expose()).is_some() {
        return Err("DATABASE_URL must say where to copy to: postgres://…".into());
    }
    has_same_key(&url, store.database_url.expose(), sources)?;
    let from = Db::open_existing(&url).await?;
    let to = Db::open(store.database_url.expose()).await?;
    let done = copy(&from, &to).await;
    from.close().await;
    to.close().await;
    let copied = done?;
    writeln!(
        std::io::stdout(),
        "copied {copied}. The server needs the same SECRET_KEY as before; the file stays as it is"
    )?;
    Ok(())
}

/// What is sealed there has to open here, and where the key is kept depends on the database.
fn has_same_key(from: &str, to: &str, sources: &Sources) -> CliResult {
    if sources.get("SECRET_KEY").or(sources.get("SECRET_KEY_FILE")).is_some() {
        return Ok(());
    }
    let (from, to) = (key_file(from), key_file(to));
    let (there, here) = (fs::read(&from).ok(), fs::read(&to).ok());
    if there.is_some() && there != here {
        let (key, to) = (from.display(), to.display());
        return Err(format!(
            "the key of this database is {key}: copy it to {to}, or set SECRET_KEY_FILE to it"
        )
        .into());
    }
    Ok(())
}

/// Says what was copied, in words.
async fn copy(from: &Db, to: &Db) -> Result<String, Box<dyn std::error::Error>> {
    // Held to the end: of a server that runs all the same, nothing is copied by half.
    let mut from = from.begin().await?;
    let mut to = to.begin().await?;
    // Counts may be there of people who came too early: those of before are worth more.
    to.execute("DELETE FROM login_failures", params![]).await?;
    // The key of the file's database is the one that opens what is copied.
    to.execute("DELETE FROM key_fingerprints", params![]).await?;
    // The kind of new hashes, of a server that was started on it.
    to.execute("DELETE FROM password_hash_kinds", params![]).await?;
    let there =
        "SELECT 1 FROM users UNION ALL SELECT 1 FROM chat_jobs UNION ALL SELECT 1 FROM used_assertions
                 UNION ALL SELECT 1 FROM assertion_cutoffs LIMIT 1";
    if to.exists(there, params![]).await? {
        return Err("there is something in the database at DATABASE_URL already: nothing was copied".into());
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
        copied.push(format!("{count} {}", name.replace('_', " ")));
    }
    to.commit_without_timeout().await?;
    Ok(copied.join(", "))
}
