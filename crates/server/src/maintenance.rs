//! Periodic clean-up: deletes expired rows in small transactions, but not while the clock is implausible.

use crate::clock::ClockWatch;
use crate::db::DbError;
use crate::state::AppState;
use crate::users::assertions;
use crate::users::hash_kinds;
use crate::{sessions, throttle};
use std::sync::Arc;
use std::time::Duration;

const SWEEP_INTERVAL: Duration = Duration::from_secs(60);
/// Rows deleted per transaction. Small transactions let other writers in between.
const SWEEP_BATCH: i64 = 200;

/// Cleans up every minute until shutdown.
pub async fn run(state: Arc<AppState>) {
    let mut watch = watch_clock(&state).await;
    let mut ticks = tokio::time::interval(SWEEP_INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = state.shutdown.cancelled() => return,
        }
        state.address_limit.sweep();
        state.user_limit.sweep();
        state.hasher.sweep();
        share_hash_kinds(&state).await;
        run_once(&state, &mut watch).await;
    }
}

/// Shares the kinds of stored password hashes with other instances, and measures the cost of new ones.
async fn share_hash_kinds(state: &AppState) {
    if let Err(error) = hash_kinds::share(&state.db, &state.hasher).await {
        tracing::error!(%error, "cannot load the kinds of password hashes");
    }
    if let Err(error) = state.hasher.measure_stored_kinds().await {
        tracing::warn!(%error, "cannot measure the cost of stored password hashes");
    }
}

/// Returns a watch for the clock. A clock by which all sessions have expired may be wrong, so it is not trusted yet.
pub async fn watch_clock(state: &AppState) -> ClockWatch {
    let now = state.clock.now();
    let all_expired = sessions::have_all_expired(&state.db, now).await.unwrap_or(true);
    ClockWatch::new(state.clock.clone(), !all_expired)
}

/// Deletes all expired rows, unless the clock is implausible.
pub async fn run_once(state: &AppState, watch: &mut ClockWatch) {
    if !watch.is_plausible() {
        return;
    }
    let now = state.clock.now();
    if let Err(error) = delete_expired_sessions(state, now).await {
        tracing::error!(%error, "cannot delete expired sessions");
    }
    if let Err(error) = delete_expired_assertions(state, now).await {
        tracing::error!(%error, "cannot delete expired assertions");
    }
    if let Err(error) = delete_old_failures(state, now).await {
        tracing::error!(%error, "cannot delete old failure counts");
    }
}

async fn delete_expired_sessions(state: &AppState, now: i64) -> Result<(), DbError> {
    loop {
        let users = sessions::delete_expired(&state.db, now, SWEEP_BATCH).await?;
        state.chat.wake();
        for user in &users {
            state.audit.sessions_ended(user, None, "expired", 1);
        }
        if is_last_batch(state, users.len()) {
            return Ok(());
        }
    }
}

async fn delete_expired_assertions(state: &AppState, now: i64) -> Result<(), DbError> {
    while !is_last_batch(state, assertions::delete_expired(&state.db, now, SWEEP_BATCH).await?) {}
    Ok(())
}

async fn delete_old_failures(state: &AppState, now: i64) -> Result<(), DbError> {
    while !is_last_batch(state, throttle::delete_old(&state.db, now, SWEEP_BATCH).await?) {}
    Ok(())
}

/// Returns whether the batch was the last one: it deleted fewer rows than allowed, or the server stops.
fn is_last_batch(state: &AppState, deleted: impl TryInto<i64>) -> bool {
    state.shutdown.is_cancelled() || deleted.try_into().is_ok_and(|deleted| deleted < SWEEP_BATCH)
}
