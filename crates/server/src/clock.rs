//! Where the time comes from: the only place that asks the system for it. Everything else is handed
//! a [`Clock`], so that a test can move time instead of waiting for it.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The time of day, and the time that passes. Cheap to clone; clones of a manual clock move together.
#[derive(Debug, Clone)]
pub struct Clock(Source);

#[derive(Debug, Clone)]
enum Source {
    /// With the moment that its steady time is counted from.
    System(Instant),
    Manual(Arc<Manual>),
}

/// Both in milliseconds.
#[derive(Debug)]
struct Manual {
    since_epoch: AtomicU64,
    steady: AtomicU64,
}

impl Clock {
    pub fn system() -> Self {
        Self(Source::System(Instant::now()))
    }

    /// A clock that stands still at `unix_seconds` until it is moved.
    pub fn manual(unix_seconds: u32) -> Self {
        let since_epoch = AtomicU64::new(u64::from(unix_seconds) * 1000);
        Self(Source::Manual(Arc::new(Manual { since_epoch, steady: AtomicU64::new(0) })))
    }

    /// Lets time pass on a manual clock; a system clock moves by itself and takes no notice.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual(manual) = &self.0 {
            let millis = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
            manual.since_epoch.fetch_add(millis, Ordering::SeqCst);
            manual.steady.fetch_add(millis, Ordering::SeqCst);
        }
    }

    /// Sets a manual clock forwards or backwards by so many seconds, as an operator or NTP does: no time passes.
    pub fn step(&self, seconds: i64) {
        if let Source::Manual(manual) = &self.0 {
            let millis = seconds.saturating_mul(1000);
            // Addition wraps, which is what adding a negative number in two's complement is.
            manual.since_epoch.fetch_add(millis.cast_unsigned(), Ordering::SeqCst);
        }
    }

    /// Time since 1970. A system clock set before then counts as 1970.
    #[allow(clippy::disallowed_methods)] // the one place
    pub fn since_epoch(&self) -> Duration {
        match &self.0 {
            Source::System(_) => SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default(),
            Source::Manual(manual) => Duration::from_millis(manual.since_epoch.load(Ordering::SeqCst)),
        }
    }

    /// Unix seconds, as the database keeps them.
    pub fn now(&self) -> i64 {
        i64::try_from(self.since_epoch().as_secs()).unwrap_or(i64::MAX)
    }

    /// Time that has passed since some moment of this process: it goes on evenly when somebody sets the time of
    /// day. For every wait that ends with the process.
    pub fn steady(&self) -> Duration {
        match &self.0 {
            Source::System(origin) => origin.elapsed(),
            Source::Manual(manual) => Duration::from_millis(manual.steady.load(Ordering::SeqCst)),
        }
    }
}
