//! CometChat's rate limit, and the share of it that background jobs may use.
//!
//! Logins are never held back here. The workers leave them a part of each minute's calls. Each instance counts its own
//! calls; the remaining calls that CometChat reports in its responses are those of all instances.

use crate::clock::Clock;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Period of CometChat's rate limit.
const WINDOW_SECONDS: u64 = 60;

/// The jobs that the workers may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    Nothing,
    /// All jobs except bulk jobs.
    Urgent,
    All,
}

/// Counts the calls of this process.
pub struct CallBudget {
    clock: Clock,
    per_minute: u32,
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    calls: Window,
    jobs: Window,
    /// The remaining calls that CometChat reported last, and the time of the report.
    reported: Option<(u32, Duration)>,
}

/// Counts per second of the last minute.
#[derive(Default)]
struct Window {
    seconds: VecDeque<(u64, u32)>,
    sum: u32,
}

impl Window {
    fn add(&mut self, second: u64) {
        self.sum = self.sum.saturating_add(1);
        match self.seconds.back_mut() {
            Some((last, count)) if *last == second => *count = count.saturating_add(1),
            _ => self.seconds.push_back((second, 1)),
        }
    }

    fn sum(&mut self, second: u64) -> u32 {
        while let Some((first, count)) = self.seconds.front().copied() {
            if first + WINDOW_SECONDS > second {
                break;
            }
            self.sum = self.sum.saturating_sub(count);
            self.seconds.pop_front();
        }
        self.sum
    }
}

impl CallBudget {
    pub fn new(per_minute: u32, clock: Clock) -> Self {
        Self { clock, per_minute, counts: Mutex::default() }
    }

    /// Counts a call of a login or of a job.
    pub fn count_call(&self) {
        let second = self.clock.monotonic().as_secs();
        self.lock().calls.add(second);
    }

    /// Counts a job that a worker has claimed.
    pub fn count_job(&self) {
        let second = self.clock.monotonic().as_secs();
        self.lock().jobs.add(second);
    }

    /// Records the remaining calls that CometChat reported.
    pub fn record_remaining(&self, calls: u32) {
        let now = self.clock.monotonic();
        self.lock().reported = Some((calls, now));
    }

    /// Returns the jobs that the workers may run: bulk jobs while half of the calls is left, other jobs while a quarter is.
    /// A tenth of the calls is always for jobs, so that tokens are revoked however many users log in.
    pub fn share(&self) -> Share {
        let now = self.clock.monotonic();
        let mut counts = self.lock();
        let counted = self.per_minute.saturating_sub(counts.calls.sum(now.as_secs()));
        let reported = counts.reported.filter(|(_, at)| now < *at + Duration::from_secs(WINDOW_SECONDS));
        let left = reported.map_or(counted, |(reported, _)| reported.min(counted));
        if left > self.per_minute / 2 {
            Share::All
        } else if left > self.per_minute / 4 || counts.jobs.sum(now.as_secs()) < self.per_minute / 10 {
            Share::Urgent
        } else {
            Share::Nothing
        }
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        // A panic while the lock was held cannot have left the counts wrong by more than one call.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget() -> (CallBudget, Clock) {
        let clock = Clock::manual(1_000);
        (CallBudget::new(100, clock.clone()), clock)
    }

    fn call(budget: &CallBudget, times: u32) {
        (0..times).for_each(|_| budget.count_call());
    }

    #[test]
    fn call_budget_shrinks_with_use_and_recovers() {
        let (budget, clock) = budget();
        (0..10).for_each(|_| budget.count_job());
        call(&budget, 49);
        assert_eq!(budget.share(), Share::All);
        call(&budget, 1);
        assert_eq!(budget.share(), Share::Urgent);
        clock.advance(Duration::from_secs(30));
        call(&budget, 25);
        assert_eq!(budget.share(), Share::Nothing);
        clock.advance(Duration::from_secs(30));
        assert_eq!(budget.share(), Share::All, "the first fifty were a minute ago");
    }

    #[test]
    fn call_budget_keeps_a_tenth_for_jobs() {
        let (budget, clock) = budget();
        call(&budget, 1_000);
        for _ in 0..10 {
            assert_eq!(budget.share(), Share::Urgent);
            budget.count_job();
        }
        assert_eq!(budget.share(), Share::Nothing);
        clock.advance(Duration::from_secs(59));
        call(&budget, 1_000);
        assert_eq!(budget.share(), Share::Nothing);
        clock.advance(Duration::from_secs(1));
        assert_eq!(budget.share(), Share::Urgent, "the jobs were a minute ago");
    }

    #[test]
    fn call_budget_respects_reported_remainder() {
        let (budget, clock) = budget();
        (0..10).for_each(|_| budget.count_job());
        budget.record_remaining(25);
        assert_eq!(budget.share(), Share::Nothing, "other instances use the same app");
        budget.record_remaining(1_000_000);
        assert_eq!(budget.share(), Share::All);
        call(&budget, 80);
        assert_eq!(budget.share(), Share::Nothing, "but not more than the setting says");
        budget.record_remaining(0);
        clock.advance(Duration::from_secs(60));
        assert_eq!(budget.share(), Share::All, "a new minute");
    }

    #[test]
    fn call_budget_ignores_clock_steps() {
        let (budget, clock) = budget();
        (0..10).for_each(|_| budget.count_job());
        call(&budget, 100);
        for step in [-3_600, 7_200] {
            clock.step(step);
            assert_eq!(budget.share(), Share::Nothing, "{step}");
        }
    }
}
