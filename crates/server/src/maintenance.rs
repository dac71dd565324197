//! Periodic clean-up: what has expired is deleted, in small transactions, and not while the clock may be wrong.

use crate::users::hash_kinds;
use crate::app::AppState;
use crate::clock::ClockWatch;
use crate::db::DbError;
use crate::{assertions, sessions, throttle};
use std::sync::Arc;
use std::time::Duration;

const SWEEP_INTERVAL: Duration = Duration::from_secs(60);
/// Rows that one transaction of a sweep deletes.
pub const SWEEP_BATCH: i64 = 200;

/// Cleans up until the server stops.
pub async fn run(services: Arc<AppState>) {
    let mut watch = watch_clock(&services).await;
    let mut ticks = tokio::time::interval(SWEEP_INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = services.shutdown.cancelled() => return,
        }
        services.address_limit.sweep();
        services.user_limit.sweep();
        services.hasher.sweep();
        share_hash_kinds(&services).await;
        run_once(&services, &mut watch_clock).await;
    }
}

/// Shares with other servers which kinds of password hashes there are, and measures what each costs.
async fn share_hash_kinds(services: &AppState) {
    if let Err(error) = hash_kinds::share(&services.db, &services.hasher).await {
        tracing::error!(%error, "the kinds of password hashes could not be looked up");
    }
    if let Err(error) = services.hasher.measure_stored_kinds().await {
        tracing::warn!(%error, "what the stored password hashes cost was not measured");
    }
}

/// Starts to watch the clock. One by which every session has expired may be wrong from the start.
pub async fn watch_clock(services: &AppState) -> ClockWatch {
    let now = services.clock.now();
    let all_expired = sessions::have_all_expired(&services.db, now).await.unwrap_or(true);
    ClockWatch::new(services.clock.clone(), !all_expired)
}

/// Deletes everything that has expired by a clock that can be believed.
pub async fn run_once(services: &AppState, watch: &mut ClockWatch) {
    if !watch_clock.is_plausible() {
        return;
    }
    let now = services.clock.now();
    if let Err(error) = end_sessions(services, now).await {
        tracing::error!(%error, "expired sessions could not be ended");
    }
    if let Err(error) = delete_expired_assertions(services, now).await {
        tracing::error!(%error, "the rows of expired assertions could not be deleted");
    }
    if let Err(error) = delete_old_failures(services, now).await {
        tracing::error!(%error, "old counts of failed sign-ins could not be dropped");
    }
}

async fn end_sessions(services: &AppState, now: i64) -> Result<(), DbError> {
    loop {
        let users = sessions::delete_expired(&services.db, now).await?;
        services.chat.wake();
        for user in &users {
            services.audit.sessions_ended(user, None, "expired", 1);
        }
        if is_last_batch(services, users.len()) {
            return Ok(());
        }
    }
}

async fn delete_expired_assertions(services: &AppState, now: i64) -> Result<(), DbError> {
    while !is_last_batch(services, assertions::delete_expired(&services.db, now).await?) {}
    Ok(())
}

async fn delete_old_failures(services: &AppState, now: i64) -> Result<(), DbError> {
    while !is_last_batch(services, throttle::delete_old(&services.db, now).await?) {}
    Ok(())
}

/// Whether a batch that deleted so many rows was the last one. Between two batches others write.
fn is_last_batch(services: &AppState, deleted: usize) -> bool {
    services.shutdown.is_cancelled() || i64::try_from(deleted).is_ok_and(|deleted| deleted < SWEEP_BATCH)
}
