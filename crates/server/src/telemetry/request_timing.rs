//! Time of a request per phase, for its log line and trace.
//!
//! The sums are task-local, so that the measured code needs no parameter for them. Outside a request, measuring is a
//! no-op.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tracing::Instrument as _;

/// A phase of a request.
#[derive(Debug, Clone, Copy)]
pub enum Phase {
    /// Password hashing, including the time in the queue.
    Hash,
    /// Database statements, including the wait for a connection.
    Database,
    /// Calls to the CometChat API.
    CometChat,
}

/// The time of one request per phase.
#[derive(Debug, Default)]
pub struct RequestTimings {
    micros: [AtomicU64; 3],
}

tokio::task_local! {
    static TIMINGS: Arc<RequestTimings>;
}

impl RequestTimings {
    /// Returns milliseconds with one decimal, or `None` if the request had no such phase.
    pub fn millis(&self, phase: Phase) -> Option<f64> {
        let micros = self.micros.get(phase as usize)?.load(Ordering::Relaxed);
        #[allow(clippy::cast_precision_loss)] // readable by people, not exact
        (micros > 0).then(|| (micros as f64 / 100.0).round() / 10.0)
    }

    fn add(&self, phase: Phase, time: Duration) {
        if let Some(micros) = self.micros.get(phase as usize) {
            micros.fetch_add(u64::try_from(time.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
    }
}

/// Runs `work`, and adds the time of its phases, measured by [`timed`], to `timings`.
pub fn scope<T>(timings: Arc<RequestTimings>, work: impl Future<Output = T>) -> impl Future<Output = T> {
    TIMINGS.scope(timings, work)
}

/// Returns the sums of the current request, to pass on to a task that works for the same request.
pub fn current() -> Arc<RequestTimings> {
    TIMINGS.try_with(Arc::clone).unwrap_or_default()
}

/// Runs `work` in a span, and adds its time to the phase of the current request.
pub async fn timed<T>(phase: Phase, work: impl Future<Output = T>) -> T {
    let started = Instant::now();
    let span = match phase {
        Phase::Hash => tracing::trace_span!(target: "spent", "hash"),
        Phase::Database => tracing::trace_span!(target: "spent", "database"),
        Phase::CometChat => tracing::trace_span!(target: "spent", "cometchat"),
    };
    let output = work.instrument(span).await;
    let _ = TIMINGS.try_with(|timings| timings.add(phase, started.elapsed()));
    output
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn spent_time_is_summed_by_part_across_tasks() {
        let timings = Arc::new(RequestTimings::default());
        let wait = || async { while Instant::now().elapsed().is_zero() {} };
        scope(Arc::clone(&timings), async {
            timed(Phase::Hash, wait()).await;
            let timings = current();
            let elsewhere = scope(
                timings,
                timed(Phase::Database, async {
                    let started = Instant::now();
                    while started.elapsed() < Duration::from_millis(1) {
                        tokio::task::yield_now().await;
                    }
                }),
            );
            tokio::spawn(elsewhere).await.unwrap();
        })
        .await;
        assert!(timings.millis(Phase::Database) >= Some(1.0), "{timings:?}");
        assert_eq!(timings.millis(Phase::CometChat), None);
    }
}
