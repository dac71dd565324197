//! Waits for a condition, with a timeout whose error says what was awaited.

use anyhow::{Result, bail};
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior};

/// Much longer than any step takes on two busy cores.
pub const TIMEOUT: Duration = Duration::from_secs(60);
pub(crate) const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Polls until the result is `Some`, and fails with `what` after [`TIMEOUT`]. An `Err` ends the wait at once.
pub async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Result<Option<T>>) -> Result<T> {
    let deadline = Instant::now() + TIMEOUT;
    let mut pace = tokio::time::interval(POLL_INTERVAL);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while Instant::now() < deadline {
        pace.tick().await;
        if let Some(response) = ask().await? {
            return Ok(response);
        }
    }
    bail!("timed out after {} s waiting for {what}", TIMEOUT.as_secs())
}
