//! `cometchat-auth chat …`: what is still to be done at CometChat, and who is missing there.

use super::{CliResult, date, flag};
use crate::clock::Clock;
use crate::cometchat::budget::CallBudget;
use crate::cometchat::client::http_client;
use crate::cometchat::client::{Client, CometChatError};
use crate::cometchat::{job_queue, key_fingerprints};
use crate::config::{CometChat, Config, CoreConfig, Sources, key_file};
use crate::crypto::seal::SecretKey;
use crate::db::Db;
use crate::users;
use clap::{ArgMatches, Command};
use std::collections::HashMap;
use std::io::{self, Write as _};
use std::time::Duration;

/// Jobs that are printed.
const SHOWN: i64 = 1000;

pub fn command() -> Command {
    Command::new("chat").about("Keeps CometChat in step").subcommand_required(true).arg_required_else_help(true).subcommands([
        Command::new("jobs")
            .about("Prints what is still to be done at CometChat, first what was given up")
            .arg(flag("retry", "Try again what was given up")),
        Command::new("sync").about(
            "Finds the users who are missing at CometChat or have another name there; a running server mends them",
        ),
        Command::new("adopt-key").about(
            "Makes SECRET_KEY the database's key when the one before is lost, and gives up what only that one opens; stop \
             every server first",
        ),
    ])
}

pub async fn run(matches: &ArgMatches, sources: &Sources) -> CliResult {
    match matches.subcommand() {
        Some(("jobs", matches)) => list(matches.get_flag("retry"), sources).await,
        Some(("adopt-key", _)) => adopt_key(sources).await,
        // clap refuses every other word.
        _ => sync(sources).await,
    }
}

async fn list(retry: bool, sources: &Sources) -> CliResult {
    let db = Db::open_existing(CoreConfig::read(sources)?.database_url.expose()).await?;
    let mut out = io::stdout().lock();
    if retry {
        let retried = job_queue::unpark(&db, Clock::system().now()).await?;
        writeln!(out, "{retried} jobs will be tried again")?;
    }
    for job in job_queue::list(&db, SHOWN).await? {
        let when = if job.parked == 1 { "given up".to_owned() } else { format!("due {}", date(job.run_at)) };
        writeln!(
            out,
            "{}\t{}\t{when}\t{} tries\t{}",
            job.kind,
            job.uid,
            job.attempts,
            job.last_error.unwrap_or_default()
        )?;
    }
    db.close().await;
    Ok(())
}

async fn adopt_key(sources: &Sources) -> CliResult {
    let store = CoreConfig::read(sources)?;
    let is_set = sources.get("SECRET_KEY").or(sources.get("SECRET_KEY_FILE")).is_some();
    if !is_set && !key_file(store.database_url.expose()).exists() {
        return Err(
            "there is no SECRET_KEY to adopt: set one, or start the server here, which makes one".into()
        );
    }
    let db = Db::open_existing(store.database_url.expose()).await?;
    let fallbacks: Vec<SecretKey> = store.secret_key_fallbacks.iter().map(|key| key.0.clone()).collect();
    let given_up =
        key_fingerprints::adopt_key(&db, &store.secret_key.0, &fallbacks, Clock::system().now()).await?;
    db.close().await;
    writeln!(
        io::stdout(),
        "the key with the fingerprint {} is this database's now. {} sessions get another chat token; {} chat tokens of \
         ended sessions stay valid at CometChat, for they could only be revoked with the lost key",
        store.secret_key.0.fingerprint(),
        given_up.sessions,
        given_up.revocations
    )?;
    Ok(())
}

async fn sync(sources: &Sources) -> CliResult {
    let config = Config::read(sources)?;
    let db = Db::open_existing(config.core.database_url.expose()).await?;
    let CometChat { endpoint, emulator, calls_per_minute, .. } = config.cometchat;
    let budget = CallBudget::new(calls_per_minute, Clock::system());
    let client = Client::new(http_client(emulator.is_some())?, endpoint, budget);
    let mut known = HashMap::new();
    for page in 1.. {
        let users = loop {
            match client.users(page).await {
                Err(CometChatError::RateLimited { retry_after }) => {
                    let wait = retry_after.unwrap_or(Duration::from_secs(60));
                    writeln!(
                        io::stderr(),
                        "CometChat asks for fewer calls: going on in {} s",
                        wait.as_secs()
                    )?;
                    tokio::time::sleep(wait).await;
                }
                users => break users?,
            }
        };
        if users.is_empty() {
            break;
        }
        known.extend(users.into_iter().map(|user| (user.uid, (user.name, user.deactivated_at.is_some()))));
    }

    let (mut missing, mut renamed, mut deactivated, mut last) = (0, 0, 0, String::new());
    loop {
        let page = users::list_after(&db, &last, 1000).await?;
        let Some(user) = page.last() else { break };
        last.clone_from(&user.id);
        let mut tx = db.begin().await?;
        for user in &page {
            match known.get(&user.id) {
                // Somebody wanted it so.
                Some((_, true)) => {
                    deactivated += 1;
                    continue;
                }
                Some((name, _)) if *name == user.name => continue,
                Some(_) => renamed += 1,
                None => missing += 1,
            }
            job_queue::sync_users(&mut tx, [user.id.as_str()], true, Clock::system().now()).await?;
        }
        tx.commit().await?;
    }
    db.close().await;
    writeln!(
        io::stdout(),
        "{missing} users are missing at CometChat, {renamed} have another name there; a running server mends that. \
         {deactivated} are deactivated there, and stay so"
    )?;
    Ok(())
}
