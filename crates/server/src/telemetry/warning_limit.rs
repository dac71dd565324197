//! Limits repeated warnings, so that requests cannot flood the log.

use crate::clock::Clock;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Shortest time between two warnings with the same subject.
const WARNING_INTERVAL: Duration = Duration::from_secs(60);
/// Subjects with a warning in the same interval. There are no warnings about further ones, which bounds memory and log.
const MAX_SUBJECTS: usize = 20;

/// Allows one warning per subject and minute.
pub struct WarningLimit {
    clock: Clock,
    /// Times of the last warnings by subject, on the monotonic clock.
    last: Mutex<BTreeMap<String, Duration>>,
}

impl WarningLimit {
    pub fn new(clock: Clock) -> Self {
        Self { clock, last: Mutex::default() }
    }

    /// Returns whether a warning about this subject should be logged, and counts it as logged.
    pub fn is_due(&self, subject: &str) -> bool {
        let now = self.clock.monotonic();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.retain(|_, time| now.saturating_sub(*time) < WARNING_INTERVAL);
        let is_due = last.len() < MAX_SUBJECTS && !last.contains_key(subject);
        if is_due {
            last.insert(subject.to_owned(), now);
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warning_is_due_once_per_subject_and_minute() {
        let clock = Clock::manual(0);
        let limit = WarningLimit::new(clock.clone());
        assert!(limit.is_due("a") && !limit.is_due("a"));
        assert!(limit.is_due("b") && !limit.is_due("a"));
        clock.advance(WARNING_INTERVAL - Duration::from_secs(1));
        assert!(!limit.is_due("a"));
        clock.advance(Duration::from_secs(1));
        assert!(limit.is_due("a") && !limit.is_due("a"));
    }

    #[test]
    fn warning_subjects_are_limited_per_minute() {
        let clock = Clock::manual(0);
        let limit = WarningLimit::new(clock.clone());
        let due = (0..1000).filter(|subject| limit.is_due(&subject.to_string())).count();
        assert_eq!((due, limit.last.lock().unwrap().len()), (MAX_SUBJECTS, MAX_SUBJECTS));
        clock.advance(WARNING_INTERVAL);
        assert!(limit.is_due("999"));
    }
}
