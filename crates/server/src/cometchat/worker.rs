//! The worker: takes jobs from the queue and carries them out at CometChat.
//!
//! A failed job is retried with exponential backoff, and parked if CometChat rejects it permanently. A job whose token was
//! sealed with a key that this instance does not have waits for another instance or for that key. While the circuit
//! breaker is open, no job is tried, so that the whole queue does not hit a recovering CometChat.

use super::budget::Share;
use super::client::{CometChatError, IssuedToken};
use super::job_queue::{self, ClaimedJob, JobKind};
use super::{ChatService, token_journal};
use crate::crypto::{random, seal::DecryptError};
use crate::db::DbError;
use crate::sessions::chat_tokens;
use crate::users;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Time that one job may take: less than a claim lasts.
const JOB_TIMEOUT: Duration = Duration::from_secs(20);
/// Interval at which the queue is polled, for jobs of other instances and for retries.
const POLL_INTERVAL: Duration = Duration::from_secs(2);
/// Tolerance for CometChat's clock when lost tokens are searched by their creation time, and the time that a new token
/// has until it is stored.
const TOKEN_CLOCK_SLACK_SECONDS: i64 = 30;
/// Attempts after which a reconciliation without a result ends, if a clock that was set back makes it look young.
const MAX_RECONCILE_ATTEMPTS: i64 = 20;
/// Longest wait before a retry of a job whose payload cannot be decrypted. There may be as many as sessions.
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

/// Runs jobs until `shutdown` is cancelled, which it checks between two jobs. A job that is interrupted runs again.
pub async fn run(chat: &ChatService, shutdown: &CancellationToken) {
    // The clock may have been set back while no server was running.
    let mut latest = i64::MAX;
    while !shutdown.is_cancelled() {
        if let Err(error) = poll(chat, shutdown, &mut latest).await {
            tracing::error!(%error, "job queue not readable");
        }
        let woken = tokio::time::timeout(POLL_INTERVAL, chat.wake.notified());
        let _ = shutdown.run_until_cancelled(woken).await;
    }
}

/// Runs every job that is due. `latest` is the time of the previous poll.
async fn poll(chat: &ChatService, shutdown: &CancellationToken, latest: &mut i64) -> Result<(), DbError> {
    let now = chat.clock.now();
    if now < *latest {
        job_queue::clamp_future_runs(&chat.db, now).await?;
    }
    *latest = now;
    drain(chat, shutdown).await
}

async fn drain(chat: &ChatService, shutdown: &CancellationToken) -> Result<(), DbError> {
    while !shutdown.is_cancelled() {
        let share = chat.client.budget.share();
        if share == Share::Nothing {
            return Ok(());
        }
        let Ok(permit) = chat.circuit_breaker.admit() else { return Ok(()) };
        let job = match job_queue::claim(&chat.db, share == Share::All, chat.clock.now()).await {
            Ok(Some(job)) => job,
            // No job, or the database failed: neither is an outcome of CometChat.
            nothing => {
                permit.cancel();
                return nothing.map(drop);
            }
        };
        chat.client.budget.count_job();
        let outcome = match tokio::time::timeout(JOB_TIMEOUT, perform(chat, &job)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(CometChatError::UnknownOutcome("no response in time".into()).into()),
        };
        match &outcome {
            Ok(_) => permit.success(),
            Err(JobError::Call(error)) => chat.record_outcome(permit, error),
            Err(_) => permit.cancel(),
        }
        finish(chat, &job, outcome).await?;
    }
    Ok(())
}

/// The result of a job without an error.
enum Progress {
    Done,
    /// CometChat has not created the token yet: run the job again at this time.
    RunAgainAt(i64),
}

async fn perform(chat: &ChatService, job: &ClaimedJob) -> Result<Progress, JobError> {
    let uid = job.uid.as_str();
    match job.kind {
        JobKind::SyncUser => sync_user(chat, uid).await?,
        JobKind::DeleteUser => match chat.client.delete_user(uid).await {
            Ok(()) | Err(CometChatError::UserNotFound) => {}
            Err(error) => return Err(error.into()),
        },
        JobKind::RevokeToken => {
            let sealed = job.payload_sealed.as_deref().ok_or(DecryptError)?;
            revoke_token(chat, uid, &chat.sealer.open(uid, sealed)?).await?;
        }
        JobKind::ReconcileTokens => return reconcile_tokens(chat, job).await,
    }
    Ok(Progress::Done)
}

/// Makes CometChat agree with the database: the user exists there, with the present name.
async fn sync_user(chat: &ChatService, uid: &str) -> Result<(), JobError> {
    // Deleted after the job was claimed: the job is a deletion now.
    let Some(user) = users::find(&chat.db, uid).await? else { return enqueue_sync(chat, uid).await };
    match chat.client.rename_user(uid, &user.name).await {
        Err(CometChatError::UserNotFound) => {}
        renamed => return Ok(renamed?),
    }
    match chat.client.create_user(uid, &user.name).await {
        Err(CometChatError::UserExists) => {}
        created => return Ok(created?),
    }
    // A login created the user since the first call.
    match chat.client.rename_user(uid, &user.name).await {
        Err(CometChatError::UserNotFound) => Err(CometChatError::UserDeactivated.into()),
        renamed => Ok(renamed?),
    }
}

/// Enqueues another synchronization of this user.
async fn enqueue_sync(chat: &ChatService, uid: &str) -> Result<(), JobError> {
    let mut tx = chat.db.begin().await?;
    job_queue::enqueue_sync(&mut tx, uid, chat.clock.now()).await?;
    Ok(tx.commit().await?)
}

/// Revokes a token. A token that does not exist counts as revoked.
async fn revoke_token(chat: &ChatService, uid: &str, token: &str) -> Result<(), JobError> {
    match chat.client.revoke_token(uid, token).await {
        Ok(()) | Err(CometChatError::TokenNotFound | CometChatError::UserNotFound) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Revokes the token of a request whose response was lost. If none is found, the job runs once more when CometChat can
/// no longer carry out the request.
async fn reconcile_tokens(chat: &ChatService, job: &ClaimedJob) -> Result<Progress, JobError> {
    let now = chat.clock.now();
    let age = now - job.created_at;
    let is_last =
        age >= token_journal::LAST_RECONCILE_AFTER_SECONDS || job.attempts >= MAX_RECONCILE_ATTEMPTS;
    let again = Progress::RunAgainAt(
        (job.created_at + token_journal::LAST_RECONCILE_AFTER_SECONDS)
            .clamp(now + 1, now + job_queue::MAX_RETRY_WAIT_SECONDS),
    );
    if users::find(&chat.db, &job.uid).await?.is_none() {
        // Deleted while the token was requested: the request may have created the user again.
        enqueue_sync(chat, &job.uid).await?;
        return Ok(if is_last { Progress::Done } else { again });
    }
    let found = revoke_lost_tokens(chat, &job.uid, job.created_at).await?;
    if found == 0 && !is_last {
        return Ok(again);
    }
    if found == 0 {
        tracing::warn!(
            user = job.uid,
            age_seconds = age,
            "no chat token found for a lost response: CometChat created none, unless its clock was changed"
        );
    }
    Ok(Progress::Done)
}

/// Revokes the tokens that CometChat created around `created_at` and that no session or job has. Tokens of other times
/// may belong to another program. Returns how many were found.
async fn revoke_lost_tokens(chat: &ChatService, uid: &str, created_at: i64) -> Result<usize, JobError> {
    let age_before = (chat.clock.now() - created_at).max(0);
    let issued = match chat.client.tokens(uid).await {
        Err(CometChatError::UserNotFound) => return Ok(0),
        issued => issued?,
    };
    // Creation times are by CometChat's clock. Only the elapsed time is by this server's clock.
    let now = issued.listed_at.unwrap_or(chat.clock.now());
    let requested_at = now - age_before;
    // The response may have taken a while, so the list was made between these two ages.
    let earliest = now - (chat.clock.now() - created_at).max(age_before) - TOKEN_CLOCK_SLACK_SECONDS;
    // Younger tokens may be about to be stored.
    let latest = (requested_at + job_queue::MAX_CALL_DELAY_SECONDS)
        .min(now.max(requested_at + 2 * TOKEN_CLOCK_SLACK_SECONDS) - TOKEN_CLOCK_SLACK_SECONDS);
    let is_of_that_time = |token: &IssuedToken| (earliest..=latest).contains(&token.created_at);
    let mut lost: Vec<IssuedToken> = issued.tokens.into_iter().filter(is_of_that_time).collect();
    // Sessions first: a session that ends passes its token to a job. In pages, because a user may have any number.
    let mut last = String::new();
    while !lost.is_empty() {
        let page = chat_tokens::list_after(&chat.db, uid, &last).await?;
        for token in &page {
            remove_known(chat, uid, &token.chat_token_sealed, &mut lost)?;
        }
        let Some(token) = page.into_iter().last() else { break };
        last = token.public_id;
    }
    let mut last = String::new();
    while !lost.is_empty() {
        let page = token_journal::list_tokens_to_revoke(&chat.db, uid, &last).await?;
        for token in &page {
            remove_known(chat, uid, &token.payload_sealed, &mut lost)?;
        }
        let Some(token) = page.into_iter().last() else { break };
        last = token.id;
    }
    let mut unaddressable = Ok(());
    for token in &lost {
        tracing::info!(user = uid, "revoking a chat token that was never stored");
        match revoke_token(chat, uid, token.auth_token.expose()).await {
            // The other tokens can still be revoked.
            Err(JobError::Call(error @ CometChatError::Unaddressable(_))) => unaddressable = Err(error),
            revoked => revoked?,
        }
    }
    unaddressable?;
    Ok(lost.len())
}

/// Removes a token that the database has from the list of lost tokens.
fn remove_known(
    chat: &ChatService,
    uid: &str,
    sealed: &str,
    lost: &mut Vec<IssuedToken>,
) -> Result<(), DecryptError> {
    let known = chat.sealer.open(uid, sealed)?;
    lost.retain(|token| token.auth_token.expose() != known.as_str());
    Ok(())
}

async fn finish(
    chat: &ChatService,
    job: &ClaimedJob,
    outcome: Result<Progress, JobError>,
) -> Result<(), DbError> {
    let (kind, user, now) = (job.kind.name(), job.uid.as_str(), chat.clock.now());
    let error = match outcome {
        Ok(Progress::Done) => {
            tracing::debug!(kind, user, "job done");
            return job_queue::complete(&chat.db, job, now).await;
        }
        Ok(Progress::RunAgainAt(at)) => {
            return job_queue::retry(&chat.db, job, at, "CometChat has not created the token yet", None)
                .await;
        }
        Err(error) => error,
    };
    let is_permanent = |error: &CometChatError| {
        matches!(
            error,
            CometChatError::Refused(_) | CometChatError::Unaddressable(_) | CometChatError::UserDeactivated
        )
    };
    if matches!(&error, JobError::Call(error) if is_permanent(error)) {
        tracing::error!(kind, user, %error, job = job.id, "job parked: permanent failure");
        return job_queue::park(&chat.db, job, &error.to_string()).await;
    }
    if matches!(error, JobError::Sealed(_)) {
        chat.undecryptable.inc();
    }
    let wait = retry_wait(job.attempts, &error, random::fraction());
    let has_unknown_outcome = matches!(&error, JobError::Call(error) if error.has_unknown_outcome());
    let unsettled_until = has_unknown_outcome.then_some(now + job_queue::MAX_CALL_DELAY_SECONDS);
    tracing::warn!(kind, user, %error, attempts = job.attempts, wait_seconds = wait, "job failed, will be retried");
    job_queue::retry(&chat.db, job, now + wait, &error.to_string(), unsettled_until).await
}

/// Returns the seconds until a retry: exponential backoff, spread by `jitter` (0 to 1) so that jobs do not retry at the
/// same time, and at least CometChat's Retry-After, up to the longest wait.
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
            let polled = poll(&chat, &CancellationToken::new(), &mut 0).await;
            assert!(matches!(polled, Err(DbError::Unavailable(_))), "{polled:?}");
            assert!(matches!(chat.mint(&user).await, Err(MintError::Db(DbError::Unavailable(_)))));
        }
        assert!(!chat.circuit_breaker.is_open());
    }

    fn outage() -> JobError {
        CometChatError::UnknownOutcome("…".into()).into()
    }

    #[test]
    fn retry_wait_doubles_up_to_ten_minutes() {
        let waits: Vec<i64> = (1..=11).map(|attempts| retry_wait(attempts, &outage(), 1.0)).collect();
        assert_eq!(waits, [2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600]);
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
        let excessive = CometChatError::RateLimited { retry_after: Some(Duration::from_secs(u64::MAX)) };
        assert_eq!(retry_wait(1, &excessive.into(), 0.0), job_queue::MAX_RETRY_WAIT_SECONDS);
    }
}
