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

/// How much the time of day may gain on the monotonic time between two looks: NTP corrects it by less.
const MAX_GAIN_SECONDS: i64 = 60;
/// How long a clock that jumped ahead has to stay there until it is believed.
const HOLD_DELAY: Duration = Duration::from_secs(60 * 60);

/// Tells whether the time of day can be believed when something is to be deleted because it is late. A clock that is a
/// year ahead for a minute must not delete everything that would have expired in that year.
pub struct ClockWatch {
    clock: Clock,
    /// By how many seconds the time of day is before the monotonic time, as far as that is believed; `None`: not at all yet.
    trusted: Option<i64>,
    /// The difference after a jump ahead, and the monotonic time of it.
    jump: Option<(i64, Duration)>,
}

impl ClockWatch {
    /// Watches a clock that is right now, or may be wrong.
    pub fn new(clock: Clock, is_right: bool) -> Self {
        let mut watch = Self { clock, trusted: None, jump: None };
        watch.trusted = is_right.then(|| watch.difference());
        watch
    }

    fn difference(&self) -> i64 {
        self.clock.now().saturating_sub(i64::try_from(self.clock.monotonic().as_secs()).unwrap_or(i64::MAX))
    }

    /// Whether the clock has made no jump ahead in the last hour. Look often: what it gains slowly is not noticed.
    pub fn is_plausible(&mut self) -> bool {
        let (difference, now) = (self.difference(), self.clock.monotonic());
        let is_gain_small = |from: i64| difference <= from.saturating_add(MAX_GAIN_SECONDS);
        if !self.trusted.is_some_and(is_gain_small) {
            let since = match self.jump {
                Some((jump, since)) if is_gain_small(jump) => since,
                _ => {
                    let ahead = self.trusted.map(|trusted| difference.saturating_sub(trusted));
                    tracing::warn!(
                        seconds = ahead,
                        "the clock may be ahead: nothing that has expired is deleted for an hour"
                    );
                    self.jump = Some((difference, now));
                    now
                }
            };
            if now.saturating_sub(since) < HOLD_DELAY {
                return false;
            }
        }
        (self.trusted, self.jump) = (Some(difference), None);
        true
    }
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
    pub fn unix_time(&self) -> Duration {
        match &self.0 {
            Source::System(_) => SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default(),
            Source::Manual(manual) => Duration::from_millis(manual.since_epoch.load(Ordering::SeqCst)),
        }
    }

    /// Unix seconds, as the database keeps them.
    pub fn now(&self) -> i64 {
        i64::try_from(self.unix_time().as_secs()).unwrap_or(i64::MAX)
    }

    /// Time that has passed since some moment of this process: it goes on evenly when somebody sets the time of
    /// day. For every wait that ends with the process.
    pub fn monotonic(&self) -> Duration {
        match &self.0 {
            Source::System(origin) => origin.elapsed(),
            Source::Manual(manual) => Duration::from_millis(manual.steady.load(Ordering::SeqCst)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const YEAR: i64 = 365 * 24 * 60 * 60;
    const MINUTE: Duration = Duration::from_secs(60);

    fn watched() -> (Clock, ClockWatch) {
        let clock = Clock::manual(1_000_000_000);
        (clock.clone(), ClockWatch::new(clock, true))
    }

    #[test]
    fn elapsed_time_of_any_length_is_plausible() {
        let (clock, mut watch) = watched();
        for seconds in [0, 60, 3_600, 40_000_000] {
            clock.advance(Duration::from_secs(seconds));
            assert!(watch.is_plausible(), "{seconds}");
        }
    }

    #[test]
    fn clock_jump_ahead_is_accepted_after_an_hour() {
        let (clock, mut watch) = watched();
        clock.step(YEAR);
        for _ in 0..60 {
            assert!(!watch.is_plausible());
            clock.advance(MINUTE);
        }
        assert!(watch.is_plausible());
        assert!(watch.is_plausible(), "and from then on");
    }

    #[test]
    fn clock_jump_ahead_and_back_is_plausible() {
        let (clock, mut watch) = watched();
        clock.step(YEAR);
        assert!(!watch.is_plausible());
        clock.step(-YEAR);
        assert!(watch.is_plausible());
        clock.step(YEAR);
        clock.advance(HOLD);
        assert!(!watch.is_plausible(), "the hour begins with the look that finds the jump");
    }

    #[test]
    fn second_clock_jump_restarts_the_hour() {
        let (clock, mut watch) = watched();
        clock.step(3_600);
        assert!(!watch.is_plausible());
        clock.advance(HOLD - MINUTE);
        clock.step(YEAR);
        assert!(!watch.is_plausible());
        clock.advance(MINUTE);
        assert!(!watch.is_plausible());
        clock.advance(HOLD);
        assert!(watch.is_plausible());
    }

    #[test]
    fn clock_set_back_or_small_gain_is_plausible() {
        let (clock, mut watch) = watched();
        for seconds in [-YEAR, -1, 1, MAX_GAIN_SECONDS] {
            clock.step(seconds);
            assert!(watch.is_plausible(), "{seconds}");
        }
    }

    #[test]
    fn unverified_clock_is_accepted_after_an_hour() {
        let clock = Clock::manual(1_000_000_000);
        let mut watch = ClockWatch::new(clock.clone(), false);
        assert!(!watch.is_plausible());
        clock.advance(HOLD);
        assert!(watch.is_plausible());
    }

    const HOLD: Duration = HOLD_DELAY;
}
