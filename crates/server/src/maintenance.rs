//! Periodic clean-up: what has expired is deleted, in small transactions, and not while the clock may be wrong.

use crate::clock::ClockWatch;
use crate::db::DbError;
use crate::state::AppState;
use crate::users::assertions;
use crate::users::hash_kinds;
use crate::{sessions, throttle};
use std::sync::Arc;
use std::time::Duration;

const SWEEP_INTERVAL: Duration = Duration::from_secs(60);
/// Rows that one transaction of a sweep deletes.
const SWEEP_BATCH: i64 = 200;

/// Cleans up until the server stops.
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

/// Shares with other servers which kinds of password hashes there are, and measures what each costs.
async fn share_hash_kinds(state: &AppState) {
    if let Err(error) = hash_kinds::share(&state.db, &state.hasher).await {
        tracing::error!(%error, "the kinds of password hashes could not be looked up");
    }
    if let Err(error) = state.hasher.measure_stored_kinds().await {
        tracing::warn!(%error, "what the stored password hashes cost was not measured");
    }
}

/// Starts to watch the clock. One by which every session has expired may be wrong from the start.
pub async fn watch_clock(state: &AppState) -> ClockWatch {
    let now = state.clock.now();
    let all_expired = sessions::have_all_expired(&state.db, now).await.unwrap_or(true);
    ClockWatch::new(state.clock.clone(), !all_expired)
}

/// Deletes everything that has expired by a clock that can be believed.
pub async fn run_once(state: &AppState, watch: &mut ClockWatch) {
    if !watch.is_plausible() {
        return;
    }
    let now = state.clock.now();
    if let Err(error) = end_sessions(state, now).await {
        tracing::error!(%error, "expired sessions could not be ended");
    }
    if let Err(error) = delete_expired_assertions(state, now).await {
        tracing::error!(%error, "the rows of expired assertions could not be deleted");
    }
    if let Err(error) = delete_old_failures(state, now).await {
        tracing::error!(%error, "old counts of failed sign-ins could not be dropped");
    }
}

async fn end_sessions(state: &AppState, now: i64) -> Result<(), DbError> {
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

/// Whether a batch that deleted so many rows was the last one. Between two batches others write.
fn is_last_batch(state: &AppState, deleted: impl TryInto<i64>) -> bool {
    state.shutdown.is_cancelled() || deleted.try_into().is_ok_and(|deleted| deleted < SWEEP_BATCH)
}
