//! What a request's time was spent on, for its line in the log. Knows nothing of what the parts do.
//!
//! The sums travel with the task, because what is measured lies far below the request and has no other
//! business with it. Work outside a request is measured for nobody.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tracing::Instrument as _;

/// What time can be spent on.
#[derive(Debug, Clone, Copy)]
pub enum Phase {
    /// Waiting for a hashing thread, and the hash.
    Hash,
    /// Waiting for a connection, and the statements.
    Database,
    /// Calls to CometChat's API.
    CometChat,
}

/// The sums of one request.
#[derive(Debug, Default)]
pub struct RequestTimings {
    micros: [AtomicU64; 3],
}

tokio::task_local! {
    static SPENT: Arc<RequestTimings>;
}

impl RequestTimings {
    /// Milliseconds, to a tenth; `None` where there was none of it.
    pub fn millis(&self, part: Phase) -> Option<f64> {
        let micros = self.micros.get(part as usize)?.load(Ordering::Relaxed);
        #[allow(clippy::cast_precision_loss)] // for people
        (micros > 0).then(|| (micros as f64 / 100.0).round() / 10.0)
    }

    fn add(&self, part: Phase, time: Duration) {
        if let Some(micros) = self.micros.get(part as usize) {
            micros.fetch_add(u64::try_from(time.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
    }
}

/// Does `work`, adding up in `spent` what [`measured`] measures in it.
pub fn scope<T>(spent: Arc<RequestTimings>, work: impl Future<Output = T>) -> impl Future<Output = T> {
    SPENT.scope(spent, work)
}

/// The sums of the request that this task works for, to be handed to a task that works for it too.
pub fn current() -> Arc<RequestTimings> {
    SPENT.try_with(Arc::clone).unwrap_or_default()
}

/// Does `work`, and adds its time to its part of the request's; a span of the request's trace, where somebody
/// collects them.
pub async fn timed<T>(part: Phase, work: impl Future<Output = T>) -> T {
    let started = Instant::now();
    let span = match part {
        Phase::Hash => tracing::trace_span!(target: "spent", "hash"),
        Phase::Database => tracing::trace_span!(target: "spent", "database"),
        Phase::CometChat => tracing::trace_span!(target: "spent", "cometchat"),
    };
    let done = work.instrument(span).await;
    let _ = SPENT.try_with(|spent| spent.add(part, started.elapsed()));
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn spent_time_is_summed_by_part_across_tasks() {
        let spent = Arc::new(RequestTimings::default());
        let wait = || async { while Instant::now().elapsed().is_zero() {} };
        scope(Arc::clone(&spent), async {
            timed(Phase::Hash, wait()).await;
            let spent = current();
            let elsewhere = scope(
                spent,
                timed(Phase::Database, async {
                    let begun = Instant::now();
                    while begun.elapsed() < Duration::from_millis(1) {
                        tokio::task::yield_now().await;
                    }
                }),
            );
            tokio::spawn(elsewhere).await.unwrap();
        })
        .await;
        assert!(spent.millis(Phase::Database) >= Some(1.0), "{spent:?}");
        assert_eq!(spent.millis(Phase::CometChat), None);
    }
}
