//! The circuit breaker for CometChat: after repeated failures, calls fail immediately for a while instead of waiting.
//!
//! Not a crate, because the available ones read the system's clock themselves and ignore cancelled calls.

use crate::clock::Clock;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Consecutive failures that open the circuit breaker.
const FAILURE_THRESHOLD: u32 = 3;
/// Time that it stays open without a `Retry-After` from CometChat.
const OPEN_DURATION: Duration = Duration::from_secs(10);
/// Limit of the `Retry-After` that it respects.
const MAX_OPEN_DURATION: Duration = Duration::from_secs(120);

/// While closed it admits every call, while open none. After that time it is half-open: it admits one call, whose outcome
/// closes it or opens it again.
pub struct CircuitBreaker {
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    failures: u32,
    /// End of the open state by the monotonic clock. `None` while closed.
    open_until: Option<Duration>,
    half_open: bool,
}

/// The permission for one call. It records the call's outcome: a permit that is dropped counts as a failure.
pub struct Permit<'a> {
    breaker: &'a CircuitBreaker,
    is_settled: bool,
}

impl CircuitBreaker {
    pub fn new(clock: Clock) -> Self {
        Self { clock, state: Mutex::default() }
    }

    /// Admits a call.
    ///
    /// # Errors
    /// The time until a call may be admitted.
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

    /// Returns the time until a call may be admitted, or zero.
    pub fn wait(&self) -> Duration {
        let open_until = self.lock().open_until.unwrap_or_default();
        open_until.saturating_sub(self.clock.monotonic())
    }

    /// Returns whether it is open or half-open.
    pub fn is_open(&self) -> bool {
        self.lock().open_until.is_some()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic while the lock was held cannot have left the state inconsistent.
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
    /// Records that CometChat responded, even if it rejected the call.
    pub fn success(mut self) {
        self.is_settled = true;
        *self.breaker.lock() = State::default();
    }

    /// Records that no call was made.
    pub fn cancel(mut self) {
        self.is_settled = true;
        self.breaker.lock().half_open = false;
    }

    /// Records that CometChat failed, with its `Retry-After`.
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
        assert!(breaker.admit().is_ok_and(|permit| {
            permit.failure(None);
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
        assert!(breaker.admit().is_err(), "only one call is admitted");
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
