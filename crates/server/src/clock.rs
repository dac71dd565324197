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
    System { start: Instant },
    Manual(Arc<Manual>),
}

/// Both in milliseconds.
#[derive(Debug)]
struct Manual {
    since_epoch: AtomicU64,
    since_start: AtomicU64,
}

impl Clock {
    pub fn system() -> Self {
        Self(Source::System { start: Instant::now() })
    }

    /// A clock that stands still at `unix_seconds` until it is moved.
    pub fn manual(unix_seconds: u32) -> Self {
        let since_epoch = AtomicU64::new(u64::from(unix_seconds) * 1000);
        Self(Source::Manual(Arc::new(Manual { since_epoch, since_start: AtomicU64::new(0) })))
    }

    /// Moves a manual clock; a system clock moves by itself and takes no notice.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual(manual) = &self.0 {
            manual.since_epoch.fetch_add(millis(by), Ordering::SeqCst);
            manual.since_start.fetch_add(millis(by), Ordering::SeqCst);
        }
    }

    /// Sets a manual clock back, as an administrator or NTP does it: the time of day is earlier, and no time has
    /// passed.
    pub fn set_back(&self, by: Duration) {
        if let Source::Manual(manual) = &self.0 {
            manual.since_epoch.fetch_sub(millis(by), Ordering::SeqCst);
        }
    }

    /// Time since 1970. A system clock set before then counts as 1970.
    #[allow(clippy::disallowed_methods)] // the one place
    pub fn since_epoch(&self) -> Duration {
        match &self.0 {
            Source::System { .. } => SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default(),
            Source::Manual(manual) => Duration::from_millis(manual.since_epoch.load(Ordering::SeqCst)),
        }
    }

    /// Time since this clock was made, which goes on evenly whatever the time of day is set to: for waits that are
    /// kept in memory.
    pub fn since_start(&self) -> Duration {
        match &self.0 {
            Source::System { start } => start.elapsed(),
            Source::Manual(manual) => Duration::from_millis(manual.since_start.load(Ordering::SeqCst)),
        }
    }

    /// Unix seconds, as the database keeps them.
    pub fn now(&self) -> i64 {
        i64::try_from(self.since_epoch().as_secs()).unwrap_or(i64::MAX)
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
