//! The worker: takes jobs from the queue and does them at CometChat, until they are done.
//!
//! A job that fails is tried again after a wait that doubles; one that CometChat refuses for what it is
//! gets parked. One whose token another instance has sealed, with a key that this one does not have, waits for that
//! instance or that key. While the breaker is open nothing is tried, so that a recovering CometChat is not met by
//! the whole queue at once.

use super::budget::Share;
use super::client::{CometChatError, IssuedToken};
use super::job_queue::{self, ClaimedJob, JobKind};
use super::{ChatService, token_journal};
use crate::crypto::{random, seal::DecryptError};
use crate::db::DbError;
use crate::{sessions, users};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// The longest that one job may take; less than a claim lasts.
const JOB_TIMEOUT: Duration = Duration::from_secs(20);
/// How often the queue is looked at without being told: for jobs of other instances, and retries.
const POLL_INTERVAL: Duration = Duration::from_secs(2);
/// How much earlier than it was asked for a lost token may have been made, by what is known of CometChat's clock; and how
/// long a token that was just made has until it is stored.
const TOKEN_CLOCK_SLACK_SECONDS: i64 = 30;
/// Tries after which a check that finds nothing ends, when a clock that was set back makes it look young.
const MAX_CHECKS: i64 = 20;
/// The longest that a job waits whose payload does not open: there may be as many as sessions, and trying is not free.
const MAX_SEALED_WAIT_SECONDS: i64 = 60 * 60;

#[derive(Debug, thiserror::Error)]
enum JobError {
    #[error(transparent)]
    Call(#[from] CometChatError),
    #[error(transparent)]
    Sealed(#[from] DecryptError),
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Works until `stopping`, which it heeds between two jobs. A job that is cut short is done again.
pub async fn run(chat: &ChatService, stopping: &CancellationToken) {
    // The clock may also have been set back while no server ran.
    let mut latest = i64::MAX;
    while !stopping.is_cancelled() {
        if let Err(error) = poll(chat, stopping, &mut latest).await {
            tracing::error!(%error, "the job queue cannot be read");
        }
        // Woken by a commit that wrote a job, or by time.
        let woken = tokio::time::timeout(POLL_INTERVAL, chat.wake.notified());
        let _ = stopping.run_until_cancelled(woken).await;
    }
}

/// Does every job that is due. `latest` is the time of the look before.
async fn poll(chat: &ChatService, stopping: &CancellationToken, latest: &mut i64) -> Result<(), DbError> {
    let now = chat.clock.now();
    if now < *latest {
        job_queue::clamp_future_runs(&chat.db, now).await?;
    }
    *latest = now;
    drain(chat, stopping).await
}

async fn drain(chat: &ChatService, stopping: &CancellationToken) -> Result<(), DbError> {
    while !stopping.is_cancelled() {
        let share = chat.client.budget.share();
        if share == Share::Nothing {
            return Ok(());
        }
        let Ok(pass) = chat.circuit_breaker.admit() else { return Ok(()) };
        let job = match job_queue::claim(&chat.db, share == Share::All, chat.clock.now()).await {
            Ok(Some(job)) => job,
            // No job, or a database in trouble: neither says anything of CometChat.
            nothing => {
                pass.cancel();
                return nothing.map(drop);
            }
        };
        chat.client.budget.count_job();
        let outcome = match tokio::time::timeout(JOB_TIMEOUT, perform(chat, &job)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(CometChatError::UnknownOutcome("no answer in time".into()).into()),
        };
        match &outcome {
            Ok(_) => pass.success(),
            Err(JobError::Call(error)) => chat.record_outcome(pass, error),
            Err(_) => pass.cancel(),
        }
        finish(chat, &job, outcome).await?;
    }
    Ok(())
}

/// The result of a job that went well.
enum Progress {
    All,
    /// Nothing was found yet: look again at this time.
    LookAgain(i64),
}

async fn perform(chat: &ChatService, job: &ClaimedJob) -> Result<Progress, JobError> {
    let uid = job.uid.as_str();
    match job.kind {
        JobKind::SyncUser => perform_sync(chat, uid).await?,
        JobKind::DeleteUser => match chat.client.delete_user(uid).await {
            Ok(()) | Err(CometChatError::UserNotFound) => {}
            Err(error) => return Err(error.into()),
        },
        JobKind::RevokeToken => {
            let token = chat.sealer.open(uid, &job.payload_sealed)?;
            perform_revoke(chat, uid, &token).await?;
        }
        JobKind::ReconcileTokens => return reconcile_tokens(chat, job).await,
    }
    Ok(Progress::All)
}

/// Makes CometChat agree with the database as it is now: the user there with their present name.
async fn perform_sync(chat: &ChatService, uid: &str) -> Result<(), JobError> {
    // Deleted while this job was taken: it is a deletion by now.
    let Some(user) = users::find(&chat.db, uid).await? else { return verify_user(chat, uid).await };
    match chat.client.rename_user(uid, &user.name).await {
        Err(CometChatError::UserNotFound) => {}
        renamed => return Ok(renamed?),
    }
    match chat.client.create_user(uid, &user.name).await {
        Err(CometChatError::UserExists) => {}
        created => return Ok(created?),
    }
    // A sign-in has made them meanwhile.
    match chat.client.rename_user(uid, &user.name).await {
        // Neither there nor free: a person has deactivated them in CometChat's dashboard.
        Err(CometChatError::UserNotFound) => {
            Err(CometChatError::Refused("the user is deactivated there".into()).into())
        }
        renamed => Ok(renamed?),
    }
}

/// Writes that this user is to be looked at once more.
async fn verify_user(chat: &ChatService, uid: &str) -> Result<(), JobError> {
    let mut tx = chat.db.begin().await?;
    job_queue::sync_user(&mut tx, uid, chat.clock.now()).await?;
    Ok(tx.commit().await?)
}

/// A token that is already gone is as good as revoked.
async fn perform_revoke(chat: &ChatService, uid: &str, token: &str) -> Result<(), JobError> {
    match chat.client.revoke_token(uid, token).await {
        Ok(()) | Err(CometChatError::TokenNotFound | CometChatError::UserNotFound) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Revokes what came of a mint whose answer was lost. While nothing is found it is looked for once more, when CometChat
/// cannot carry out the mint any later.
async fn reconcile_tokens(chat: &ChatService, job: &ClaimedJob) -> Result<Progress, JobError> {
    let now = chat.clock.now();
    let age = now - job.created_at;
    let is_last = age >= token_journal::LAST_CHECK_AFTER_SECONDS || job.attempts >= MAX_CHECKS;
    let again = Progress::LookAgain(
        (job.created_at + token_journal::LAST_CHECK_AFTER_SECONDS)
            .clamp(now + 1, now + job_queue::MAX_RETRY_WAIT_SECONDS),
    );
    if users::find(&chat.db, &job.uid).await?.is_none() {
        // Deleted while the token was made: the mint may have made the user again.
        verify_user(chat, &job.uid).await?;
        return Ok(if is_last { Progress::All } else { again });
    }
    let found = revoke_lost_tokens(chat, &job.uid, job.created_at).await?;
    if found == 0 && !is_last {
        return Ok(again);
    }
    if found == 0 {
        tracing::warn!(
            user = job.uid,
            age_seconds = age,
            "no chat token was found of a mint whose answer was lost: CometChat has made none, unless its clock was set"
        );
    }
    Ok(Progress::All)
}

/// Finds the tokens that were made when a mint was under way, `age` seconds ago, and that no session or job here has, and revokes
/// them. Tokens of any other time are left alone: they may be another program's. Says how many there were.
async fn revoke_lost_tokens(chat: &ChatService, uid: &str, created_at: i64) -> Result<usize, JobError> {
    let age_before = (chat.clock.now() - created_at).max(0);
    let issued = match chat.client.tokens(uid).await {
        Err(CometChatError::UserNotFound) => return Ok(0),
        issued => issued?,
    };
    // By CometChat's clock, whatever ours says: only how much time has passed is ours.
    let now = issued.listed_at.unwrap_or(chat.clock.now());
    let asked_at = now - age_before;
    // The answer may have taken a while: the list is somewhere between the two ages old.
    let earliest = now - (chat.clock.now() - created_at).max(age_before) - TOKEN_CLOCK_SLACK_SECONDS;
    // Tokens that are younger may be about to be stored.
    let latest = (asked_at + job_queue::MAX_CALL_DELAY_SECONDS)
        .min(now.max(asked_at + 2 * TOKEN_CLOCK_SLACK_SECONDS) - TOKEN_CLOCK_SLACK_SECONDS);
    let of_that_time = |token: &IssuedToken| (earliest..=latest).contains(&token.created_at);
    let mut lost: Vec<IssuedToken> = issued.tokens.into_iter().filter(of_that_time).collect();
    // Those in sessions first, because a session that ends hands its token on to a job. Page by page: CometChat has at
    // most a hundred tokens of somebody, but here they may have any number of sessions.
    for in_sessions in [true, false] {
        let mut last = String::new();
        while !lost.is_empty() {
            let page = if in_sessions {
                sessions::list_chat_tokens(&chat.db, uid, &last).await?
            } else {
                token_journal::tokens_to_revoke(&chat.db, uid, &last).await?
            };
            for (_, sealed) in &page {
                let known = chat.sealer.open(uid, sealed)?;
                lost.retain(|token| token.auth_token.expose() != known.as_str());
            }
            let Some((name, _)) = page.into_iter().last() else { break };
            last = name;
        }
    }
    let mut unaddressable = Ok(());
    for token in &lost {
        tracing::info!(user = uid, "revoking a chat token that was minted and never stored");
        match perform_revoke(chat, uid, token.auth_token.expose()).await {
            // The others can be revoked all the same.
            Err(JobError::Call(error @ CometChatError::Unaddressable(_))) => unaddressable = Err(error),
            revoked => revoked?,
        }
    }
    unaddressable?;
    Ok(lost.len())
}

async fn finish(
    chat: &ChatService,
    job: &ClaimedJob,
    outcome: Result<Progress, JobError>,
) -> Result<(), DbError> {
    let (kind, user, now) = (job.kind.name(), job.uid.as_str(), chat.clock.now());
    let error = match outcome {
        Ok(Progress::All) => {
            tracing::debug!(kind, user, "done at CometChat");
            return job_queue::complete(&chat.db, job, now).await;
        }
        Ok(Progress::LookAgain(at)) => {
            return job_queue::retry(&chat.db, job, at, "CometChat has no token of it yet", 0).await;
        }
        Err(error) => error,
    };
    if matches!(error, JobError::Call(CometChatError::Refused(_) | CometChatError::Unaddressable(_))) {
        tracing::error!(kind, user, %error, job = job.id, "parked: this can never succeed as it is");
        return job_queue::park(&chat.db, job, &error.to_string()).await;
    }
    if matches!(error, JobError::Sealed(_)) {
        chat.unopenable.inc();
    }
    let wait = retry_wait(job.attempts, &error, random::fraction());
    let may_come_late = matches!(&error, JobError::Call(error) if error.has_unknown_outcome());
    let unsettled_until = if may_come_late { now + job_queue::MAX_CALL_DELAY_SECONDS } else { 0 };
    tracing::warn!(kind, user, %error, attempts = job.attempts, wait_seconds = wait, "will be tried again");
    job_queue::retry(&chat.db, job, now + wait, &error.to_string(), unsettled_until).await
}

/// Seconds until a job is tried again: doubling, spread by `jitter` (0 to 1) so that many do not come at
/// once, and never sooner than CometChat asks for, as far as that is to be believed.
fn retry_wait(attempts: i64, error: &JobError, jitter: f64) -> i64 {
    let doubled = 1i64 << attempts.clamp(0, 20);
    let capped = doubled.min(match error {
        JobError::Sealed(_) => MAX_SEALED_WAIT_SECONDS,
        _ => job_queue::MAX_RETRY_WAIT_SECONDS,
    });
    #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)] // at most 3600
    let spread = (capped as f64 * (0.5 + jitter / 2.0)).ceil() as i64;
    match error {
        JobError::Call(CometChatError::RateLimited { retry_after: Some(wait) }) => {
            let wait = i64::try_from(wait.as_secs()).unwrap_or(i64::MAX);
            spread.max(wait.min(job_queue::MAX_RETRY_WAIT_SECONDS))
        }
        _ => spread,
    }
}

#[cfg(test)]
mod tests {
    use super::super::MintError;
    use super::super::budget::CallBudget;
    use super::super::client::{Client, Endpoint};
    use super::*;
    use crate::clock::Clock;
    use crate::crypto::seal::{Sealer, SecretKey};
    use crate::db::Db;
    use crate::users::User;
    use shared::Secret;

    #[tokio::test]
    async fn database_outage_keeps_circuit_breaker_closed() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&format!("sqlite://{}/test.db", folder.path().display())).await.unwrap();
        let base = "http://127.0.0.1:9/v3".parse().unwrap();
        let endpoint = Endpoint { base, app_id: String::new(), api_key: Secret::default() };
        let clock = Clock::manual(1_000);
        let budget = CallBudget::new(500, clock.clone());
        let client = Client::new(crate::cometchat::client::http_client(true).unwrap(), endpoint, budget);
        let sealer = Sealer::new(&SecretKey::new([7; 32]), &[]);
        let chat = ChatService::new(client, sealer, db.clone(), clock);
        let user = User { id: "ada".into(), email: "ada@example.com".into(), name: "Ada".into() };
        db.close().await;
        for _ in 0..10 {
            let looked = poll(&chat, &CancellationToken::new(), &mut 0).await;
            assert!(matches!(looked, Err(DbError::Unavailable(_))), "{looked:?}");
            assert!(matches!(chat.mint(&user).await, Err(MintError::Db(DbError::Unavailable(_)))));
        }
        assert!(!chat.circuit_breaker.is_open());
    }

    fn outage() -> JobError {
        CometChatError::UnknownOutcome("…".into()).into()
    }

    #[test]
    fn retry_wait_doubles_up_to_ten_minutes() {
        let longest: Vec<i64> = (1..=11).map(|attempts| retry_wait(attempts, &outage(), 1.0)).collect();
        assert_eq!(longest, [2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600]);
        assert_eq!(retry_wait(i64::MAX, &outage(), 1.0), 600);
    }

    #[test]
    fn retry_wait_of_unopenable_job_caps_at_an_hour() {
        assert_eq!(retry_wait(1, &DecryptError.into(), 1.0), 2);
        assert_eq!(retry_wait(i64::MAX, &DecryptError.into(), 1.0), 3600);
    }

    #[test]
    fn retry_wait_jitters_over_half_its_length() {
        assert_eq!(retry_wait(6, &outage(), 0.0), 32);
        assert_eq!(retry_wait(6, &outage(), 0.5), 48);
    }

    #[test]
    fn retry_wait_honors_retry_after_up_to_cap() {
        let limited = CometChatError::RateLimited { retry_after: Some(Duration::from_secs(90)) };
        assert_eq!(retry_wait(1, &limited.into(), 0.0), 90);
        let senseless = CometChatError::RateLimited { retry_after: Some(Duration::from_secs(u64::MAX)) };
        assert_eq!(retry_wait(1, &senseless.into(), 0.0), job_queue::MAX_RETRY_WAIT_SECONDS);
    }
}
