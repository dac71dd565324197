//! The injectable clock. Only this module reads the system time; all other code takes a [`Clock`], so that tests can
//! advance time instead of waiting.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Wall-clock and monotonic time. Cheap to clone; clones of a manual clock share their time.
#[derive(Debug, Clone)]
pub struct Clock(Source);

#[derive(Debug, Clone)]
enum Source {
    /// Holds the origin of the monotonic time.
    System(Instant),
    Manual(Arc<Manual>),
}

/// Seconds that the wall clock may gain on the monotonic clock between two checks. NTP slews less than that.
const MAX_GAIN_SECONDS: i64 = 60;
/// Time for which a clock must keep the time it jumped ahead to before it is trusted.
const HOLD_DELAY: Duration = Duration::from_secs(60 * 60);

/// Tells whether the wall clock is plausible enough to delete expired rows. A clock that is a year ahead for a minute
/// must not delete everything that would expire within the year.
pub struct ClockWatch {
    clock: Clock,
    /// The trusted difference between wall clock and monotonic clock, in seconds. `None` before the first one is trusted.
    trusted: Option<i64>,
    /// The difference after a jump ahead, and the monotonic time at which it was noticed.
    jump: Option<(i64, Duration)>,
}

impl ClockWatch {
    /// Watches `clock`. If `is_right` is false, the present time is only trusted after an hour.
    pub fn new(clock: Clock, is_right: bool) -> Self {
        let mut watch = Self { clock, trusted: None, jump: None };
        watch.trusted = is_right.then(|| watch.difference());
        watch
    }

    fn difference(&self) -> i64 {
        self.clock.now().saturating_sub(i64::try_from(self.clock.monotonic().as_secs()).unwrap_or(i64::MAX))
    }

    /// Returns whether the clock has not jumped ahead in the last hour. Call it at regular intervals: each call accepts
    /// a small gain since the previous one.
    pub fn is_plausible(&mut self) -> bool {
        let (difference, now) = (self.difference(), self.clock.monotonic());
        let is_gain_small = |from: i64| difference <= from.saturating_add(MAX_GAIN_SECONDS);
        if !self.trusted.is_some_and(is_gain_small) {
            let since = match self.jump {
                Some((jump, since)) if is_gain_small(jump) => since,
                _ => {
                    let ahead = self.trusted.map(|trusted| difference.saturating_sub(trusted));
                    tracing::warn!(
                        seconds_ahead = ahead,
                        "clock jumped ahead, deletion of expired rows paused for an hour"
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

/// Times of a manual clock, in milliseconds.
#[derive(Debug)]
struct Manual {
    unix_time: AtomicU64,
    monotonic: AtomicU64,
}

impl Clock {
    pub fn system() -> Self {
        Self(Source::System(Instant::now()))
    }

    /// Returns a clock that stands still at `unix_seconds` until it is moved.
    pub fn manual(unix_seconds: u32) -> Self {
        let unix_time = AtomicU64::new(u64::from(unix_seconds) * 1000);
        Self(Source::Manual(Arc::new(Manual { unix_time, monotonic: AtomicU64::new(0) })))
    }

    /// Advances a manual clock. Has no effect on the system clock.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual(manual) = &self.0 {
            let millis = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
            manual.unix_time.fetch_add(millis, Ordering::SeqCst);
            manual.monotonic.fetch_add(millis, Ordering::SeqCst);
        }
    }

    /// Steps the wall clock of a manual clock by `seconds`, as an operator or NTP does. The monotonic time stays.
    pub fn step(&self, seconds: i64) {
        if let Source::Manual(manual) = &self.0 {
            let millis = seconds.saturating_mul(1000);
            // Wrapping addition of a two's complement number also subtracts.
            manual.unix_time.fetch_add(millis.cast_unsigned(), Ordering::SeqCst);
        }
    }

    /// Returns the time since the Unix epoch, or zero if the system clock is set to an earlier time.
    #[allow(clippy::disallowed_methods)] // the only place
    pub fn unix_time(&self) -> Duration {
        match &self.0 {
            Source::System(_) => SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default(),
            Source::Manual(manual) => Duration::from_millis(manual.unix_time.load(Ordering::SeqCst)),
        }
    }

    /// Returns the Unix time in seconds, as stored in the database.
    pub fn now(&self) -> i64 {
        i64::try_from(self.unix_time().as_secs()).unwrap_or(i64::MAX)
    }

    /// Returns the monotonic time since an arbitrary origin in this process. Steps of the wall clock do not affect it, so
    /// use it for all waits that end with the process.
    pub fn monotonic(&self) -> Duration {
        match &self.0 {
            Source::System(origin) => origin.elapsed(),
            Source::Manual(manual) => Duration::from_millis(manual.monotonic.load(Ordering::SeqCst)),
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
        assert!(!watch.is_plausible(), "the hour begins with the check that notices the jump");
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
