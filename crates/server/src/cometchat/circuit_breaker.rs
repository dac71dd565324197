//! The circuit breaker before CometChat: when it fails again and again, nobody waits for it for a while.
//!
//! Of our own because the crates for it read the system's clock themselves, and count calls that were
//! dropped half way as if they had never been.

use crate::clock::Clock;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Failures in a row that open it.
const FAILURE_THRESHOLD: u32 = 3;
/// How long it stays open, where CometChat does not say how long itself.
const OPEN_DURATION: Duration = Duration::from_secs(10);
/// A `Retry-After` longer than this is not believed.
const MAX_OPEN_DURATION: Duration = Duration::from_secs(120);

/// Closed, it lets every call through. Open, none. When it has been open long enough, one call may try;
/// what becomes of that decides.
pub struct CircuitBreaker {
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    failures: u32,
    /// From when on calls may try again, by the steady clock; `None` while closed.
    open_until: Option<Duration>,
    half_open: bool,
}

/// A call that was let through. It must say what became of it; dropped without a word, it has failed.
pub struct Permit<'a> {
    breaker: &'a CircuitBreaker,
    is_settled: bool,
}

impl CircuitBreaker {
    pub fn new(clock: Clock) -> Self {
        Self { clock, state: Mutex::default() }
    }

    /// A pass for one call, or how long to wait before asking again.
    pub fn admit(&self) -> Result<Permit<'_>, Duration> {
        let now = self.clock.monotonic();
        let mut state = self.lock();
        if let Some(open_until) = state.open_until {
            if now < open_until {
                return Err(open_until - now);
            }
            if state.half_open {
                return Err(Duration::from_secs(1));
            }
            state.half_open = true;
        }
        Ok(Permit { breaker: self, is_settled: false })
    }

    /// How long until a call may be let through; zero when one may now.
    pub fn wait(&self) -> Duration {
        let open_until = self.lock().open_until.unwrap_or_default();
        open_until.saturating_sub(self.clock.monotonic())
    }

    /// Whether calls are held back at present.
    pub fn is_open(&self) -> bool {
        self.lock().open_until.is_some()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic while it was held cannot have left it half changed in a way that matters.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn record_failure(&self, retry_after: Option<Duration>) {
        let now = self.clock.monotonic();
        let mut state = self.lock();
        state.failures = state.failures.saturating_add(1);
        state.half_open = false;
        if state.failures >= FAILURE_THRESHOLD || retry_after.is_some() {
            let open = retry_after.unwrap_or(OPEN_DURATION).min(MAX_OPEN_DURATION);
            state.open_until = Some(now + open);
        }
    }
}

impl Permit<'_> {
    /// CometChat answered, be it a refusal.
    pub fn success(mut self) {
        self.is_settled = true;
        *self.breaker.lock() = State::default();
    }

    /// There was nothing to call for after all: nothing is known of CometChat.
    pub fn cancel(mut self) {
        self.is_settled = true;
        self.breaker.lock().half_open = false;
    }

    /// CometChat is in trouble; `retry_after` is what it said itself.
    pub fn failure(mut self, retry_after: Option<Duration>) {
        self.is_settled = true;
        self.breaker.record_failure(retry_after);
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if !self.is_settled {
            self.breaker.record_failure(None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaker() -> (CircuitBreaker, Clock) {
        let clock = Clock::manual(1_000);
        (CircuitBreaker::new(clock.clone()), clock)
    }

    fn fail(breaker: &CircuitBreaker, times: u32) {
        for _ in 0..times {
            breaker.admit().ok().unwrap().failure(None);
        }
    }

    #[test]
    fn circuit_breaker_opens_on_consecutive_failures() {
        let (breaker, _) = breaker();
        fail(&breaker, FAILURE_THRESHOLD - 1);
        breaker.admit().ok().unwrap().success();
        fail(&breaker, FAILURE_THRESHOLD - 1);
        assert!(breaker.admit().is_ok_and(|pass| {
            pass.failure(None);
            true
        }));
        assert_eq!(breaker.admit().err(), Some(OPEN_DURATION));
    }

    #[test]
    fn circuit_breaker_closes_after_answered_trial() {
        let (breaker, clock) = breaker();
        fail(&breaker, FAILURE_THRESHOLD);
        clock.advance(OPEN_DURATION);
        let trial = breaker.admit().ok().unwrap();
        assert!(breaker.admit().is_err(), "only one tries");
        trial.success();
        assert!(breaker.admit().is_ok());
    }

    #[test]
    fn circuit_breaker_reopens_on_failed_or_dropped_trial() {
        let (breaker, clock) = breaker();
        fail(&breaker, FAILURE_THRESHOLD);
        for drop_it in [false, true] {
            clock.advance(OPEN_DURATION);
            let trial = breaker.admit().ok().unwrap();
            if drop_it {
                drop(trial);
            } else {
                trial.failure(None);
            }
            assert_eq!(breaker.admit().err(), Some(OPEN_DURATION));
        }
    }

    #[test]
    fn circuit_breaker_ignores_clock_steps() {
        let (breaker, clock) = breaker();
        fail(&breaker, FAILURE_THRESHOLD);
        clock.step(-900);
        assert_eq!(breaker.admit().err(), Some(OPEN_DURATION));
        clock.step(3_600);
        assert_eq!(breaker.admit().err(), Some(OPEN_DURATION));
        clock.advance(OPEN_DURATION);
        assert!(breaker.admit().is_ok());
    }

    #[test]
    fn circuit_breaker_honors_retry_after_up_to_cap() {
        let (breaker, clock) = breaker();
        breaker.admit().ok().unwrap().failure(Some(Duration::from_secs(30)));
        assert_eq!(breaker.admit().err(), Some(Duration::from_secs(30)));
        clock.advance(Duration::from_secs(30));
        breaker.admit().ok().unwrap().failure(Some(Duration::from_secs(1_000_000)));
        assert_eq!(breaker.admit().err(), Some(MAX_OPEN_DURATION));
    }
}
