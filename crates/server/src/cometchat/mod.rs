//! CometChat: chat tokens immediately, all other changes through a job queue.
//!
//! The rest of the server uses [`ChatService`]. A token request has a timeout and a circuit breaker, because a login
//! waits for it. Everything that can wait goes through the [`job_queue`] and the [`worker`].

pub mod budget;
pub mod circuit_breaker;
pub mod client;
pub mod error;
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

/// Time that a login waits for a chat token.
const TOKEN_TIMEOUT: Duration = Duration::from_millis(2500);

pub struct ChatService {
    pub client: Client,
    pub circuit_breaker: CircuitBreaker,
    pub sealer: Sealer,
    /// Jobs that were deferred because this instance does not have the key of their payload.
    pub undecryptable: Counter,
    db: Db,
    clock: Clock,
    wake: Notify,
    wakes: AtomicU64,
}

#[derive(Debug, thiserror::Error)]
pub enum MintError {
    /// CometChat cannot create a token now. The log has the cause.
    #[error("CometChat is not available")]
    Unavailable { retry_after: Duration },
    #[error("the user is deactivated at CometChat")]
    UserDeactivated,
    #[error("too many chat tokens for one user")]
    TooMany { retry_after: Duration },
    #[error(transparent)]
    Db(#[from] DbError),
    #[error(transparent)]
    Seal(#[from] DecryptError),
}

/// A token that CometChat has created and the database does not have yet. Store `sealed` and call
/// [`MintedToken::confirm`] in one transaction; a worker finds and revokes a token that is never confirmed.
pub struct MintedToken {
    pub token: Secret,
    pub sealed: String,
    /// The record in the [`token_journal`].
    pub(crate) pending_token_id: String,
}

impl MintedToken {
    /// Records that the caller's transaction stores the token.
    pub async fn confirm(&self, tx: &mut Tx) -> Result<(), DbError> {
        token_journal::confirm(tx, &self.pending_token_id).await
    }
}

/// A new user of the database who does not exist at CometChat yet.
pub struct PendingUser {
    sync: ClaimedJob,
    pending_token_id: String,
}

impl ChatService {
    pub fn new(client: Client, sealer: Sealer, db: Db, clock: Clock) -> Self {
        Self {
            client,
            circuit_breaker: CircuitBreaker::new(clock.clone()),
            sealer,
            undecryptable: Counter::default(),
            db,
            clock,
            wake: Notify::new(),
            wakes: AtomicU64::new(0),
        }
    }

    /// Creates a chat token for this user, and the user if CometChat does not have them.
    pub async fn mint(&self, user: &User) -> Result<MintedToken, MintError> {
        let permit = self.admit()?;
        let pending = token_journal::record_pending_token(&self.db, &user.id, self.clock.now()).await;
        let pending_token_id = match pending {
            Ok(id) => id,
            Err(error) => {
                permit.cancel();
                return Err(error.into());
            }
        };
        self.request_token(user, permit, pending_token_id, async {
            match self.client.create_token(&user.id).await {
                Err(CometChatError::UserNotFound) => {
                    tracing::info!(user = user.id, "user missing at CometChat, creating");
                    self.create_user_or_token(user).await
                }
                created => created,
            }
        })
        .await
    }

    /// Enqueues the creation of a new user at CometChat. Call [`ChatService::create_with_token`] after the commit.
    pub async fn enqueue_new_user(&self, tx: &mut Tx, uid: &str) -> Result<PendingUser, DbError> {
        let now = self.clock.now();
        let sync = job_queue::enqueue_claimed_sync(tx, uid, now).await?;
        let pending_token_id = token_journal::record_pending_token_in(tx, uid, now).await?;
        Ok(PendingUser { sync, pending_token_id })
    }

    /// Creates a new user with a token in one call. If that fails, a worker creates the user later.
    pub async fn create_with_token(
        &self,
        user: &User,
        pending: PendingUser,
    ) -> Result<MintedToken, MintError> {
        let PendingUser { sync, pending_token_id } = pending;
        let minted = match self.admit() {
            Ok(permit) => {
                self.request_token(user, permit, pending_token_id, self.create_user_or_token(user)).await
            }
            Err(unavailable) => {
                token_journal::discard_pending_token(&self.db, &pending_token_id).await?;
                Err(unavailable)
            }
        };
        let now = self.clock.now();
        match &minted {
            Ok(_) => job_queue::complete(&self.db, &sync, now).await?,
            Err(error) => {
                // CometChat may still carry the call out, after the user was renamed or deleted.
                let unsettled_until = Some(now + job_queue::MAX_CALL_DELAY_SECONDS);
                job_queue::retry(&self.db, &sync, now, &error.to_string(), unsettled_until).await?;
            }
        }
        minted
    }

    fn admit(&self) -> Result<circuit_breaker::Permit<'_>, MintError> {
        self.circuit_breaker.admit().map_err(|retry_after| MintError::Unavailable { retry_after })
    }

    /// Runs a call that creates a token, with a timeout, and records its outcome in the circuit breaker.
    async fn request_token(
        &self,
        user: &User,
        permit: circuit_breaker::Permit<'_>,
        pending_token_id: String,
        call: impl Future<Output = Result<Secret, CometChatError>>,
    ) -> Result<MintedToken, MintError> {
        let created = tokio::time::timeout(TOKEN_TIMEOUT, call).await.unwrap_or_else(|_| {
            let message = format!("no response in {} ms", TOKEN_TIMEOUT.as_millis());
            Err(CometChatError::UnknownOutcome(message))
        });
        match created {
            Ok(token) => {
                permit.success();
                let sealed = self.sealer.seal(&user.id, token.expose())?;
                Ok(MintedToken { token, sealed, pending_token_id })
            }
            Err(error) => {
                tracing::warn!(user = user.id, %error, "no chat token");
                self.record_outcome(permit, &error);
                if !error.has_unknown_outcome() {
                    token_journal::discard_pending_token(&self.db, &pending_token_id).await?;
                }
                Err(match error {
                    CometChatError::UserDeactivated => MintError::UserDeactivated,
                    _ => MintError::Unavailable { retry_after: self.circuit_breaker.wait() },
                })
            }
        }
    }

    async fn create_user_or_token(&self, user: &User) -> Result<Secret, CometChatError> {
        match self.client.create_user_with_token(&user.id, &user.name).await {
            // A concurrent request created the user.
            Err(CometChatError::UserExists) => match self.client.create_token(&user.id).await {
                Err(CometChatError::UserNotFound) => Err(CometChatError::UserDeactivated),
                created => created,
            },
            created => created,
        }
    }

    fn record_outcome(&self, permit: circuit_breaker::Permit<'_>, error: &CometChatError) {
        match error {
            CometChatError::RateLimited { retry_after } => permit.failure(*retry_after),
            error if error.is_outage() => permit.failure(None),
            // No call was made.
            CometChatError::Unaddressable(_) => permit.cancel(),
            _ => permit.success(),
        }
    }

    /// Wakes a worker. Call it after a commit that wrote a job.
    pub fn wake(&self) {
        self.wakes.fetch_add(1, Ordering::Relaxed);
        self.wake.notify_one();
    }

    /// Returns how often a worker was woken.
    pub fn wakes(&self) -> u64 {
        self.wakes.load(Ordering::Relaxed)
    }
}
