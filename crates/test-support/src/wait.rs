//! Waits for conditions.

use std::time::Duration;
use tokio::time::MissedTickBehavior;

/// Much longer than any step takes on two busy cores.
pub const TIMEOUT: Duration = Duration::from_secs(60);
/// Long enough that polling does not slow the server or the browser down.
pub const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Polls until the result is `Some`. Returns `None` after [`TIMEOUT`].
pub async fn poll<T>(mut ask: impl AsyncFnMut() -> Option<T>) -> Option<T> {
    let wait = async {
        let mut polls = tokio::time::interval(POLL_INTERVAL);
        polls.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            polls.tick().await;
            if let Some(found) = ask().await {
                return found;
            }
        }
    };
    tokio::time::timeout(TIMEOUT, wait).await.ok()
}

/// Polls until `condition` is true, and panics with `what` after [`TIMEOUT`].
pub async fn eventually<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    assert!(poll(async || condition().await.then_some(())).await.is_some(), "timed out: {what}");
}
