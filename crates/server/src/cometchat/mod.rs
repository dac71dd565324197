//! CometChat: minting chat tokens now, and everything else by jobs.
//!
//! [`Chat`] is what the rest of the server sees of CometChat. A mint has a time limit and a circuit
//! breaker, because a sign-in waits for it; what can wait goes through [`jobs`] and the [`worker`].
//! Knows nothing of HTTP routes, and only its own table.

pub mod budget;
pub mod circuit_breaker;
pub mod client;
pub(crate) mod error;
pub mod job_queue;
pub mod key_fingerprints;

pub(crate) mod token_journal;
pub mod worker;

use crate::clock::Clock;
use crate::crypto::seal::{DecryptError, Sealer};
use crate::db::{Db, DbError, Tx};
use crate::users::User;
use circuit_breaker::CircuitBreaker;
use client::{Client, CometChatError};
use job_queue::ClaimedJob;
use prometheus_client::metrics::counter::Counter;
use shared::Secret;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Notify;

/// The longest that a sign-in waits for CometChat.
const TOKEN_TIMEOUT: Duration = Duration::from_millis(2500);

pub struct ChatService {
    pub client: Client,
    pub circuit_breaker: CircuitBreaker,
    pub sealer: Sealer,
    /// Jobs that were put off because this instance does not have the key of their payload.
    pub unopenable: Counter,
    db: Db,
    clock: Clock,
    wake: Notify,
    wakes: AtomicU64,
}

#[derive(Debug, thiserror::Error)]
pub enum MintError {
    /// CometChat cannot give a token now; the cause is in the log.
    #[error("CometChat is not available")]
    Unavailable { retry_after: Duration },
    /// This user has asked for so many that others would have to wait.
    #[error("too many chat tokens of one user")]
    TooMany { retry_after: Duration },
    #[error(transparent)]
    Db(#[from] DbError),
    #[error(transparent)]
    Seal(#[from] DecryptError),
}

/// A token that CometChat has made and we have not stored yet. Store `sealed` in a transaction that
/// [`Minted::settle`] commits; a token that is never settled is found and revoked.
pub struct MintedToken {
    pub token: Secret,
    pub sealed: String,
    /// The job that finds it again. It is deleted with the commit that stores the token.
    pub(crate) check: String,
}

impl MintedToken {
    /// Commits the transaction that stores the token.
    pub async fn confirm(&self, tx: Tx) -> Result<(), DbError> {
        token_journal::confirm(tx, &self.check).await
    }
}

/// A new user's account is written, and so is what is left to do at CometChat.
pub struct PendingUser {
    sync: ClaimedJob,
    check: String,
}

impl ChatService {
    pub fn new(client: Client, sealer: Sealer, db: Db, clock: Clock) -> Self {
        Self {
            client,
            circuit_breaker: CircuitBreaker::new(clock.clone()),
            sealer,
            unopenable: Counter::default(),
            db,
            clock,
            wake: Notify::new(),
            wakes: AtomicU64::new(0),
        }
    }

    /// A new token for this user, who is made at CometChat if they are missing there.
    pub async fn mint(&self, user: &User) -> Result<MintedToken, MintError> {
        let pass = self.admit()?;
        let check = match token_journal::record_pending_token(&self.db, &user.id, self.clock.now()).await {
            Ok(check) => check,
            Err(error) => {
                pass.cancel();
                return Err(error.into());
            }
        };
        self.with_timeout(user, pass, check, async {
            match self.client.create_token(&user.id).await {
                Err(CometChatError::UserNotFound) => {
                    tracing::info!(user = user.id, "missing at CometChat: creating");
                    self.create_or_mint(user).await
                }
                minted => minted,
            }
        })
        .await
    }

    /// Writes what a new user means at CometChat. Call [`Chat::enrol`] after the commit.
    pub async fn enqueue_new_user(&self, tx: &mut Tx, uid: &str) -> Result<PendingUser, DbError> {
        let now = self.clock.now();
        let sync = job_queue::sync_new_user(tx, uid, now).await?;
        Ok(PendingUser { sync, check: token_journal::record_pending_token_in(tx, uid, now).await? })
    }

    /// Makes a new user at CometChat and a token for them, in one call. Where that does not work now, the
    /// worker makes the user later.
    pub async fn create_with_token(
        &self,
        user: &User,
        enrolment: PendingUser,
    ) -> Result<MintedToken, MintError> {
        let PendingUser { sync, check } = enrolment;
        let minted = match self.admit() {
            Ok(pass) => self.with_timeout(user, pass, check, self.create_or_mint(user)).await,
            Err(unavailable) => {
                token_journal::discard_pending_token(&self.db, &check).await?;
                Err(unavailable)
            }
        };
        match &minted {
            Ok(_) => job_queue::complete(&self.db, &sync, self.clock.now()).await?,
            Err(error) => {
                let now = self.clock.now();
                // CometChat may still make them, under a name that is not theirs any more or after they were deleted.
                let unsettled_until = now + job_queue::MAX_CALL_DELAY_SECONDS;
                job_queue::retry(&self.db, &sync, now, &error.to_string(), unsettled_until).await?;
            }
        }
        minted
    }

    fn admit(&self) -> Result<circuit_breaker::Permit<'_>, MintError> {
        self.circuit_breaker.admit().map_err(|retry_after| MintError::Unavailable { retry_after })
    }

    /// Waits for a token, but not for long, and learns from it how CometChat does.
    async fn with_timeout(
        &self,
        user: &User,
        pass: circuit_breaker::Permit<'_>,
        check: String,
        call: impl Future<Output = Result<Secret, CometChatError>>,
    ) -> Result<MintedToken, MintError> {
        let minted = match tokio::time::timeout(TOKEN_TIMEOUT, call).await {
            Ok(minted) => minted,
            Err(_) => {
                Err(CometChatError::UnknownOutcome(format!("no answer in {} ms", TOKEN_TIMEOUT.as_millis())))
            }
        };
        match minted {
            Ok(token) => {
                pass.success();
                let sealed = self.sealer.seal(&user.id, token.expose())?;
                Ok(MintedToken { token, sealed, check })
            }
            Err(error) => {
                tracing::warn!(user = user.id, %error, "no chat token");
                self.record_outcome(pass, &error);
                if !error.has_unknown_outcome() {
                    token_journal::discard_pending_token(&self.db, &check).await?;
                }
                Err(MintError::Unavailable { retry_after: self.circuit_breaker.wait() })
            }
        }
    }

    async fn create_or_mint(&self, user: &User) -> Result<Secret, CometChatError> {
        match self.client.create_user_with_token(&user.id, &user.name).await {
            // Somebody else has just made them.
            Err(CometChatError::UserExists) => self.client.create_token(&user.id).await,
            created => created,
        }
    }

    fn record_outcome(&self, pass: circuit_breaker::Permit<'_>, error: &CometChatError) {
        match error {
            CometChatError::RateLimited { retry_after } => pass.failure(*retry_after),
            error if error.is_outage() => pass.failure(None),
            // Nothing was asked.
            CometChatError::Unaddressable(_) => pass.cancel(),
            _ => pass.success(),
        }
    }

    /// Tells a worker that there is a job: call it after the commit that wrote one, and only then.
    pub fn wake(&self) {
        self.wakes.fetch_add(1, Ordering::Relaxed);
        self.wake.notify_one();
    }

    /// How often a worker was woken.
    pub fn wakes(&self) -> u64 {
        self.wakes.load(Ordering::Relaxed)
    }
}
