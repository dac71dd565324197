//! `cometchat-auth user import FILE`: users of another system, with the hashes that it made of their
//! passwords. Everything is checked before anything is written, and written in one transaction.

use super::{CliResult, flag};
use crate::clock::Clock;
use crate::cometchat::job_queue;
use crate::db::Db;
use crate::params;
use crate::passwords;
use crate::users::email::email_key;
use crate::users::{self, User};
use clap::{Arg, ArgMatches, Command};
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal as _, Write as _};
use std::path::Path;

/// Faults that are printed; nobody reads more before mending the first of them.
const MAX_ERRORS_SHOWN: usize = 50;

/// Users that go to the database in one visit.
const BATCH_SIZE: usize = 500;

pub fn command() -> Command {
    let about = "Adds the users in a file, all of them or none";
    let help = "A CSV file whose first line is id,email,name,password_hash, or a file of JSON lines (.jsonl) with these fields.\n\
                A password hash is $argon2…, $2b$… (bcrypt), $scrypt$…, $pbkdf2-sha256$… or $pbkdf2-sha512$…, or empty for a user without a password.\n\
                A hash must not take longer than about two seconds to check: argon2 up to 256 MiB and 16 passes, bcrypt up to cost 15, \
                scrypt up to 256 MiB and N*r*p of 4194304, pbkdf2 up to 2500000 rounds.";
    Command::new("import").about(about).args([
        Arg::new("file").required(true).value_name("FILE").help(help),
        flag("dry-run", "Only check the file"),
    ])
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Record {
    id: String,
    email: String,
    name: String,
    #[serde(default, alias = "passwordHash")]
    password_hash: String,
}

/// A user as the file has them, and the line that they stand in.
pub(crate) type Line = (usize, Result<Record, String>);

pub async fn run(matches: &ArgMatches, db: &Db) -> CliResult {
    let path = matches.get_one::<String>("file").map(Path::new).unwrap_or(Path::new(""));
    let lines = read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let (users, faults) = check(lines, existing(db).await?);
    if !faults.is_empty() {
        for fault in faults.iter().take(MAX_ERRORS_SHOWN) {
            writeln!(io::stderr(), "{}:{fault}", path.display())?;
        }
        let more = if faults.len() > MAX_ERRORS_SHOWN { ", the first of which are above" } else { "" };
        return Err(format!("{} faults{more}; nothing was imported", faults.len()).into());
    }
    if matches.get_flag("dry-run") {
        return summary(&users, "can be imported");
    }

    let now = Clock::system().now();
    // SQLite puts aside what does not fit into its memory, and has to read it again: with its usual two megabytes a
    // long file takes a time that grows faster than the file.
    db.execute(db.dialect("PRAGMA cache_size = -524288", "SELECT 1"), params![]).await?;
    let mut tx = db.begin().await?;
    for (visit, at_once) in users.chunks(BATCH_SIZE).enumerate() {
        let earlier = visit * BATCH_SIZE;
        progress(earlier, users.len())?;
        users::insert_many(&mut tx, at_once, now).await?;
    }
    tx.commit_without_timeout().await?;
    summary(&users, "imported; a running server makes them at CometChat")
}

/// Shows somebody who waits how far it has got.
fn progress(done: usize, all: usize) -> io::Result<()> {
    let mut screen = io::stderr();
    if screen.is_terminal() {
        write!(screen, "\r{done} of {all} users\r")?;
    }
    Ok(())
}

fn summary(users: &[(User, Option<String>)], what: &str) -> CliResult {
    let mut schemes = BTreeMap::<String, usize>::new();
    for (_, hash) in users {
        *schemes
            .entry(hash.as_deref().and_then(passwords::scheme).unwrap_or_else(|| "no password".into()))
            .or_default() += 1;
    }
    let schemes: Vec<_> = schemes.iter().map(|(scheme, count)| format!("{count} {scheme}")).collect();
    Ok(writeln!(io::stdout(), "{} users ({}) {what}", users.len(), schemes.join(", "))?)
}

fn read(path: &Path) -> io::Result<Vec<Line>> {
    let file = BufReader::new(File::open(path)?);
    let is_json = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("jsonl"));
    lines(file, is_json)
}

pub(crate) fn lines(file: impl BufRead, is_json: bool) -> io::Result<Vec<Line>> {
    if is_json { read_json(file) } else { Ok(read_csv(file)) }
}

fn read_json(file: impl BufRead) -> io::Result<Vec<Line>> {
    let mut lines = Vec::new();
    for (index, line) in file.split(b'\n').enumerate() {
        let line = line?;
        if !line.trim_ascii().is_empty() {
            // Without serde's words for the value, which may be a hash.
            let record = serde_json::from_slice(&line).map_err(|error| {
                let what = if error.is_data() {
                    "a field is missing, unknown or no text"
                } else {
                    "this is no JSON"
                };
                format!("{what}, near column {}", error.column())
            });
            lines.push((index + 1, record));
        }
    }
    Ok(lines)
}

fn read_csv(file: impl BufRead) -> Vec<Line> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(file);
    let mut records = reader.deserialize::<Record>();
    let mut lines = Vec::new();
    while let Some(record) = records.next() {
        let line = records.reader().position().line();
        let before = usize::try_from(line).unwrap_or(0).saturating_sub(1);
        let line = match &record {
            Err(error) => {
                error.position().map_or(before, |position| usize::try_from(position.line()).unwrap_or(0))
            }
            Ok(_) => before,
        };
        lines.push((line, record.map_err(|error| csv_error(&error))));
    }
    lines
}

/// Never the value itself, which may be a hash.
fn csv_error(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("{len} fields where the first line has {expected_len}")
        }
        csv::ErrorKind::Utf8 { .. } => "this is not UTF-8".into(),
        _ => "the first line must be id,email,name,password_hash".into(),
    }
}

#[derive(Default)]
pub(crate) struct ExistingUsers {
    ids: HashMap<String, usize>,
    /// Of users whose deletion is still due at CometChat.
    deleted: HashSet<String>,
    emails: HashMap<String, usize>,
}

/// Who is there already: line 0.
async fn existing(db: &Db) -> Result<ExistingUsers, crate::db::DbError> {
    let mut taken = ExistingUsers::default();
    let mut last = String::new();
    loop {
        let page = users::list_after(db, &last, 1000).await?;
        let Some(user) = page.last() else { break };
        last.clone_from(&user.id);
        for user in page {
            taken.emails.insert(email_key(&user.email), 0);
            taken.ids.insert(user.id, 0);
        }
    }
    last.clear();
    loop {
        let page = job_queue::uids_to_delete(db, &last).await?;
        let Some(uid) = page.last() else { return Ok(taken) };
        last.clone_from(uid);
        taken.deleted.extend(page);
    }
}

/// The users that the lines stand for, or every fault with its line.
pub(crate) fn check(
    lines: Vec<Line>,
    mut taken: ExistingUsers,
) -> (Vec<(User, Option<String>)>, Vec<String>) {
    let (mut users, mut faults) = (Vec::with_capacity(lines.len()), Vec::new());
    let place =
        |line: usize| if line == 0 { "here already".to_owned() } else { format!("in line {line} too") };
    for (line, record) in lines {
        let record = match record {
            Ok(record) => record,
            Err(fault) => {
                faults.push(format!("{line}: {fault}"));
                continue;
            }
        };
        let (email, name) = (record.email.trim().to_owned(), record.name.trim().to_owned());
        let user = User { id: record.id.trim().to_owned(), email, name };
        let mut found = super::users::validate(&user);
        if let Some(other) = taken.ids.insert(user.id.clone(), line) {
            found.push(format!("id: {} is {}", user.id.escape_debug(), place(other)));
        }
        if taken.deleted.contains(&user.id) {
            let id = user.id.escape_debug();
            found.push(format!("id: the deletion of an earlier user {id} is still due at CometChat"));
        }
        if let Some(other) = taken.emails.insert(email_key(&user.email), line) {
            found.push(format!("email: {} is {}", user.email.escape_debug(), place(other)));
        }
        let hash = record.password_hash.trim();
        if !hash.is_empty() && passwords::scheme(hash).is_none() {
            found.push(
                "password_hash: neither argon2, bcrypt, scrypt nor pbkdf2, or one that takes seconds to check".into(),
            );
        }
        faults.extend(found.into_iter().map(|fault| format!("{line}: {fault}")));
        users.push((user, (!hash.is_empty()).then(|| hash.to_owned())));
    }
    (users, faults)
}
