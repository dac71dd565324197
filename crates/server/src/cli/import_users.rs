//! `cometchat-auth user import FILE`: imports users of another system with their password hashes. The whole file is
//! validated first, and imported in one transaction.

use super::import_file::{self, Line};
use super::output::CliResult;
use super::user_fields;
use crate::clock::Clock;
use crate::cometchat::job_queue;
use crate::db::Db;
use crate::params;
use crate::passwords;
use crate::users::email::{email_key, to_shown_form};
use crate::users::{self, User};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;

/// Errors that are printed. A systematic error would otherwise fill the screen.
const MAX_ERRORS_SHOWN: usize = 50;

/// Users per insert statement.
const BATCH_SIZE: usize = 500;

#[derive(clap::Args)]
pub struct Args {
    /// CSV file with the header id,email,name,password_hash, or JSON with these fields: an array, or an object per line.
    ///
    /// Password hashes: $argon2…, $2b$… (bcrypt), $scrypt$…, $pbkdf2-sha256$… or $pbkdf2-sha512$…, and what Django, LDAP,
    /// Spring Security and others write instead: see docs/INTEGRATE.md. Empty for a user without password. Maximum cost:
    /// argon2 256 MiB and 16 passes, bcrypt cost 15, scrypt 256 MiB and N*r*p of 4194304, pbkdf2 2500000 rounds (about 2
    /// seconds).
    file: PathBuf,
    /// Only validate the file
    #[arg(long)]
    dry_run: bool,
}

pub async fn run(args: &Args, db: &Db) -> CliResult {
    let path = args.file.display();
    let file = std::fs::read(&args.file).map_err(|error| format!("{path}: {error}"))?;
    let lines = import_file::read(&file).map_err(|error| format!("{path}: {error}; nothing was imported"))?;
    let (users, errors) = validate(lines, existing_users(db).await?);
    if !errors.is_empty() {
        for error in errors.iter().take(MAX_ERRORS_SHOWN) {
            writeln!(io::stderr(), "{path}:{error}")?;
        }
        let shown = if errors.len() > MAX_ERRORS_SHOWN {
            format!(" (first {MAX_ERRORS_SHOWN} shown)")
        } else {
            String::new()
        };
        return Err(format!("{} errors{shown}; nothing was imported", errors.len()).into());
    }
    if args.dry_run {
        return print_summary(&users, "valid; nothing was imported");
    }

    let now = Clock::system().now();
    // With its default cache of 2 MB, SQLite writes and rereads pages during a large transaction, and the time grows
    // faster than the number of users. This is 512 MiB.
    db.execute(db.dialect("PRAGMA cache_size = -524288", "SELECT 1"), params![]).await?;
    let mut tx = db.begin().await?;
    for (index, batch) in users.chunks(BATCH_SIZE).enumerate() {
        print_progress(index * BATCH_SIZE, users.len())?;
        users::insert_many(&mut tx, batch, now).await?;
    }
    tx.commit_without_timeout().await?;
    print_summary(&users, "imported; the running server creates them at CometChat")
}

/// Updates the progress on a terminal.
fn print_progress(imported: usize, total: usize) -> io::Result<()> {
    let mut stderr = io::stderr();
    if stderr.is_terminal() {
        write!(stderr, "\r{imported} of {total} users\r")?;
    }
    Ok(())
}

fn print_summary(users: &[(User, Option<String>)], outcome: &str) -> CliResult {
    let mut schemes = BTreeMap::<String, usize>::new();
    for (_, hash) in users {
        let scheme = hash.as_deref().and_then(passwords::scheme);
        *schemes.entry(scheme.unwrap_or_else(|| "no password".into())).or_default() += 1;
    }
    let schemes: Vec<_> = schemes.iter().map(|(scheme, count)| format!("{count} {scheme}")).collect();
    Ok(writeln!(io::stdout(), "{} users ({}) {outcome}", users.len(), schemes.join(", "))?)
}

/// Ids and email addresses in use, with their line in the file; 0 for users in the database.
#[derive(Default)]
pub struct ExistingUsers {
    ids: HashMap<String, usize>,
    emails: HashMap<String, usize>,
    /// Ids whose deletion at CometChat is still pending.
    pending_deletions: HashSet<String>,
}

async fn existing_users(db: &Db) -> Result<ExistingUsers, crate::db::DbError> {
    let mut existing = ExistingUsers::default();
    let mut last = String::new();
    loop {
        let page = users::list_after(db, &last, 1000).await?;
        let Some(user) = page.last() else { break };
        last.clone_from(&user.id);
        for user in page {
            existing.emails.insert(email_key(&user.email), 0);
            existing.ids.insert(user.id, 0);
        }
    }
    last.clear();
    loop {
        let page = job_queue::uids_to_delete(db, &last).await?;
        let Some(uid) = page.last() else { return Ok(existing) };
        last.clone_from(uid);
        existing.pending_deletions.extend(page);
    }
}

/// Returns the users with their password hashes, and all errors with their line numbers.
pub fn validate(lines: Vec<Line>, mut existing: ExistingUsers) -> (Vec<(User, Option<String>)>, Vec<String>) {
    let (mut users, mut errors) = (Vec::with_capacity(lines.len()), Vec::new());
    let location = |line: usize| {
        if line == 0 { "already in use".to_owned() } else { format!("a duplicate of line {line}") }
    };
    for (line, record) in lines {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                errors.push(format!("{line}: {error}"));
                continue;
            }
        };
        let (email, name) = (to_shown_form(record.email.trim()), record.name.trim().to_owned());
        let user = User { id: record.id.trim().to_owned(), email, name };
        let mut line_errors = user_fields::check(&user);
        if let Some(other) = existing.ids.insert(user.id.clone(), line) {
            line_errors.push(format!("id: {} is {}", user.id.escape_debug(), location(other)));
        }
        if existing.pending_deletions.contains(&user.id) {
            let id = user.id.escape_debug();
            line_errors.push(format!("id: a deleted user {id} has not been deleted at CometChat yet"));
        }
        if let Some(other) = existing.emails.insert(email_key(&user.email), line) {
            line_errors.push(format!("email: {} is {}", user.email.escape_debug(), location(other)));
        }
        let exported = record.password_hash.as_deref().map(str::trim).filter(|hash| !hash.is_empty());
        match exported.map(passwords::to_stored_form).transpose() {
            Ok(hash) => users.push((user, hash)),
            Err(error) => line_errors.push(format!("password_hash: {error}")),
        }
        errors.extend(line_errors.into_iter().map(|error| format!("{line}: {error}")));
    }
    (users, errors)
}
