//! Periodic clean-up: what has expired is deleted, in small transactions, and not while the clock may be wrong.

use crate::users::hash_kinds;
use crate::app::Services;
use crate::clock::ClockWatch;
use crate::db::DbError;
use crate::{assertions, sessions, throttle};
use std::sync::Arc;
use std::time::Duration;

const SWEEP_INTERVAL: Duration = Duration::from_secs(60);
/// Rows that one transaction of a sweep deletes.
pub const SWEEP_BATCH: i64 = 200;

/// Cleans up until the server stops.
pub async fn run(services: Arc<Services>) {
    let mut watch = watch(&services).await;
    let mut ticks = tokio::time::interval(SWEEP_INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = services.stopping.cancelled() => return,
        }
        services.address_limit.sweep();
        services.user_limit.sweep();
        services.hasher.sweep();
        share_hash_kinds(&services).await;
        sweep(&services, &mut watch).await;
    }
}

/// Shares with other servers which kinds of password hashes there are, and measures what each costs.
async fn share_hash_kinds(services: &Services) {
    if let Err(error) = hash_kinds::share(&services.db, &services.hasher).await {
        tracing::error!(%error, "the kinds of password hashes could not be looked up");
    }
    if let Err(error) = services.hasher.measure_stored_kinds().await {
        tracing::warn!(%error, "what the stored password hashes cost was not measured");
    }
}

/// Starts to watch the clock. One by which every session has expired may be wrong from the start.
pub async fn watch(services: &Services) -> ClockWatch {
    let now = services.clock.now();
    let all_expired = sessions::have_all_expired(&services.db, now).await.unwrap_or(true);
    ClockWatch::new(services.clock.clone(), !all_expired)
}

/// Deletes everything that has expired by a clock that can be believed.
pub async fn sweep(services: &Services, watch: &mut ClockWatch) {
    if !watch.is_plausible() {
        return;
    }
    let now = services.clock.now();
    if let Err(error) = end_sessions(services, now).await {
        tracing::error!(%error, "expired sessions could not be ended");
    }
    if let Err(error) = forget_assertions(services, now).await {
        tracing::error!(%error, "the rows of expired assertions could not be deleted");
    }
    if let Err(error) = forget_failures(services, now).await {
        tracing::error!(%error, "old counts of failed sign-ins could not be dropped");
    }
}

async fn end_sessions(services: &Services, now: i64) -> Result<(), DbError> {
    loop {
        let users = sessions::sweep(&services.db, now).await?;
        services.chat.wake();
        for user in &users {
            services.audit.sessions_ended(user, None, "expired", 1);
        }
        if is_done(services, users.len()) {
            return Ok(());
        }
    }
}

async fn forget_assertions(services: &Services, now: i64) -> Result<(), DbError> {
    while !is_done(services, assertions::delete_expired(&services.db, now).await?) {}
    Ok(())
}

async fn forget_failures(services: &Services, now: i64) -> Result<(), DbError> {
    while !is_done(services, throttle::sweep(&services.db, now).await?) {}
    Ok(())
}

/// Whether a batch that deleted so many rows was the last one. Between two batches others write.
fn is_done(services: &Services, deleted: usize) -> bool {
    services.stopping.is_cancelled() || i64::try_from(deleted).is_ok_and(|deleted| deleted < SWEEP_BATCH)
}
