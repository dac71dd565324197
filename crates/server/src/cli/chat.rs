//! `cometchat-auth chat …`: manages synchronization with CometChat.

use super::output::{CliResult, date};
use crate::clock::Clock;
use crate::cometchat::budget::CallBudget;
use crate::cometchat::client::{Client, CometChatError, RemoteUser, http_client};
use crate::cometchat::{job_queue, key_fingerprints};
use crate::config::{CometChat, Config, CoreConfig, Sources, key_file};
use crate::db::Db;
use crate::users;
use clap::Subcommand;
use std::collections::HashMap;
use std::error::Error;
use std::io::{self, Write as _};
use std::time::Duration;

/// Jobs that are printed. An import makes a job for each user, and those that need an operator come first.
const MAX_LISTED_JOBS: i64 = 1000;

#[derive(Subcommand)]
pub enum Command {
    /// List the first 1000 pending jobs, parked ones first
    Jobs {
        /// Retry the parked jobs, which failed permanently
        #[arg(long)]
        retry: bool,
    },
    /// Find users that are missing or have another name at CometChat, and queue jobs that fix them
    Sync,
    /// Replace a lost SECRET_KEY by the current one, discarding data encrypted with the lost key; stop all servers first
    AdoptKey,
}

pub async fn run(command: Command, sources: &Sources) -> CliResult {
    match command {
        Command::Jobs { retry } => list(retry, sources).await,
        Command::Sync => sync(sources).await,
        Command::AdoptKey => adopt_key(sources).await,
    }
}

async fn list(retry: bool, sources: &Sources) -> CliResult {
    let db = Db::open_existing(CoreConfig::read(sources)?.database_url.expose()).await?;
    let mut out = io::stdout().lock();
    if retry {
        let retried = job_queue::unpark(&db, Clock::system().now()).await?;
        writeln!(out, "{retried} jobs queued for retry")?;
    }
    let jobs = job_queue::list(&db, MAX_LISTED_JOBS).await?;
    let shown = i64::try_from(jobs.len())?;
    for job in jobs {
        let state = if job.parked == 1 { "parked".to_owned() } else { format!("due {}", date(job.run_at)) };
        let error = job.last_error.unwrap_or_default();
        writeln!(out, "{}\t{}\t{state}\t{} attempts\t{error}", job.kind, job.uid, job.attempts)?;
    }
    let more = job_queue::count(&db).await? - shown;
    if shown == MAX_LISTED_JOBS && more > 0 {
        writeln!(io::stderr(), "{more} more jobs; only the first {MAX_LISTED_JOBS} are shown")?;
    }
    db.close().await;
    Ok(())
}

async fn adopt_key(sources: &Sources) -> CliResult {
    let core = CoreConfig::read(sources)?;
    let is_set = sources.get("SECRET_KEY").or(sources.get("SECRET_KEY_FILE")).is_some();
    if !is_set && !key_file(core.database_url.expose()).exists() {
        return Err(
            "no SECRET_KEY to adopt: set one, or start the server in this directory to generate one".into()
        );
    }
    let db = Db::open_existing(core.database_url.expose()).await?;
    let now = Clock::system().now();
    let discarded =
        key_fingerprints::adopt_key(&db, &core.secret_key, &core.secret_key_fallbacks, now).await?;
    db.close().await;
    writeln!(
        io::stdout(),
        "database now uses the key with fingerprint {}; {} sessions will get new chat tokens; {} chat tokens of ended \
         sessions cannot be revoked without the lost key and stay valid at CometChat",
        core.secret_key.fingerprint(),
        discarded.sessions,
        discarded.revocations
    )?;
    Ok(())
}

async fn sync(sources: &Sources) -> CliResult {
    let config = Config::read(sources)?;
    let db = Db::open_existing(config.core.database_url.expose()).await?;
    let remote_users = remote_users(config.cometchat).await?;
    let (mut missing, mut renamed, mut deactivated, mut last) = (0, 0, 0, String::new());
    loop {
        let page = users::list_after(&db, &last, 1000).await?;
        let Some(user) = page.last() else { break };
        last.clone_from(&user.id);
        let mut tx = db.begin().await?;
        for user in &page {
            match remote_users.get(&user.id) {
                // Deactivated on purpose, in the dashboard or through the API.
                Some(RemoteUser { deactivated_at: Some(_), .. }) => {
                    deactivated += 1;
                    continue;
                }
                Some(remote) if remote.name == user.name => continue,
                Some(_) => renamed += 1,
                None => missing += 1,
            }
            job_queue::enqueue_syncs(&mut tx, [user.id.as_str()], true, Clock::system().now()).await?;
        }
        tx.commit().await?;
    }
    db.close().await;
    writeln!(
        io::stdout(),
        "{missing} users missing and {renamed} renamed at CometChat, queued for the running server; {deactivated} \
         deactivated users unchanged"
    )?;
    Ok(())
}

/// Returns all users at CometChat by uid, waiting whenever its rate limit is exceeded.
async fn remote_users(cometchat: CometChat) -> Result<HashMap<String, RemoteUser>, Box<dyn Error>> {
    let CometChat { endpoint, emulator, calls_per_minute, .. } = cometchat;
    let budget = CallBudget::new(calls_per_minute, Clock::system());
    let client = Client::new(http_client(emulator.is_some())?, endpoint, budget);
    let mut remote_users = HashMap::new();
    for page in 1.. {
        let users = loop {
            match client.users(page).await {
                Err(CometChatError::RateLimited { retry_after }) => {
                    let delay = retry_after.unwrap_or(Duration::from_secs(60));
                    writeln!(
                        io::stderr(),
                        "CometChat rate limit exceeded, retrying in {} s",
                        delay.as_secs()
                    )?;
                    tokio::time::sleep(delay).await;
                }
                users => break users?,
            }
        };
        if users.is_empty() {
            break;
        }
        remote_users.extend(users.into_iter().map(|user| (user.uid.clone(), user)));
    }
    Ok(remote_users)
}
