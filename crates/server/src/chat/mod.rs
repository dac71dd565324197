//! CometChat: minting chat tokens now, and everything else by jobs.
//!
//! [`Chat`] is what the rest of the server sees of CometChat. A mint has a time limit and a circuit
//! breaker, because a sign-in waits for it; what can wait goes through [`jobs`] and the [`worker`].
//! Knows nothing of HTTP routes, and only its own table.

pub mod breaker;
pub mod client;
pub mod jobs;
pub mod seal;
pub mod worker;

use crate::accounts::User;
use crate::clock::Clock;
use crate::db::{Db, DbError, Tx};
use breaker::Breaker;
use client::{CallError, Client};
use seal::{Sealer, Unopenable};
use shared::Secret;
use std::time::Duration;
use tokio::sync::Notify;

/// The longest that a sign-in waits for CometChat.
const MINT_LIMIT: Duration = Duration::from_millis(2500);

pub struct Chat {
    client: Client,
    breaker: Breaker,
    pub sealer: Sealer,
    db: Db,
    clock: Clock,
    wake: Notify,
}

#[derive(Debug, thiserror::Error)]
pub enum MintError {
    /// CometChat cannot give a token now; the cause is in the log.
    #[error("CometChat is not available")]
    Unavailable { retry_after: Duration },
    #[error(transparent)]
    Db(#[from] DbError),
    #[error(transparent)]
    Seal(#[from] Unopenable),
}

/// A token that CometChat has made and we have not stored yet. Store `sealed` and [`Minted::settle`] in
/// one transaction; a token that is never settled is found and revoked.
pub struct Minted {
    pub token: Secret,
    pub sealed: String,
    job: String,
}

impl Minted {
    pub async fn settle(&self, tx: &mut Tx) -> Result<(), DbError> {
        jobs::settle(tx, &self.job).await
    }
}

impl Chat {
    pub fn new(client: Client, sealer: Sealer, db: Db, clock: Clock) -> Self {
        Self { client, breaker: Breaker::new(clock.clone()), sealer, db, clock, wake: Notify::new() }
    }

    /// A new token for this user, who is made at CometChat if they are missing there.
    pub async fn mint(&self, user: &User) -> Result<Minted, MintError> {
        let pass = self.breaker.admit().map_err(|retry_after| MintError::Unavailable { retry_after })?;
        let job = jobs::expect_mint(&self.db, &user.id, self.clock.now()).await?;
        let minted = match tokio::time::timeout(MINT_LIMIT, self.mint_or_create(user)).await {
            Ok(minted) => minted,
            Err(_) => Err(CallError::Unclear(format!("no answer in {} ms", MINT_LIMIT.as_millis()))),
        };
        match minted {
            Ok(token) => {
                pass.answered();
                let sealed = self.sealer.seal(&user.id, token.expose())?;
                Ok(Minted { token, sealed, job })
            }
            Err(error) => {
                tracing::warn!(user = user.id, %error, "no chat token");
                self.report(pass, &error);
                if !error.is_unclear() {
                    jobs::done(&self.db, &job).await?;
                }
                Err(MintError::Unavailable { retry_after: self.breaker.wait() })
            }
        }
    }

    async fn mint_or_create(&self, user: &User) -> Result<Secret, CallError> {
        match self.client.mint(&user.id).await {
            Err(CallError::UserNotFound) => {}
            minted => return minted,
        }
        tracing::info!(user = user.id, "missing at CometChat: creating");
        match self.client.create_user_with_token(&user.id, &user.name).await {
            // Somebody else has just made them.
            Err(CallError::UserExists) => self.client.mint(&user.id).await,
            created => created,
        }
    }

    fn report(&self, pass: breaker::Pass<'_>, error: &CallError) {
        match error {
            CallError::RateLimited { retry_after } => pass.failed(*retry_after),
            error if error.is_outage() => pass.failed(None),
            _ => pass.answered(),
        }
    }

    /// Tells the worker that there may be a job: call it after the commit that wrote one.
    pub fn wake(&self) {
        self.wake.notify_one();
    }
}
