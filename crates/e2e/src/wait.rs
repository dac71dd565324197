//! The one way to wait: for a condition, with a deadline that says what was waited for.

use anyhow::{Result, bail};
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior};

/// Far more than anything here takes on two busy cores; a test that gets this far has failed.
pub const PATIENCE: Duration = Duration::from_secs(60);
pub(crate) const PACE: Duration = Duration::from_millis(50);

/// Asks again and again until the answer is `Some`, and fails with `what` when [`PATIENCE`] is over.
/// An `Err` ends the waiting at once.
pub async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Result<Option<T>>) -> Result<T> {
    let deadline = Instant::now() + PATIENCE;
    let mut pace = tokio::time::interval(PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while Instant::now() < deadline {
        pace.tick().await;
        if let Some(answer) = ask().await? {
            return Ok(answer);
        }
    }
    bail!("waited {} s in vain: {what}", PATIENCE.as_secs())
}
