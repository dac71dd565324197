//! Estimates of the cost of password checks on this machine, learned from measurements. They bound the queues, and give
//! the duration of a [`Turn`](super::Turn).

use super::kind::{HashKind, Scheme};
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

#[derive(Default)]
pub struct HashCosts(Mutex<Learned>);

#[derive(Default)]
struct Learned {
    measured: HashMap<HashKind, Duration>,
    /// Nanoseconds per unit of work, from the last measurement.
    rates: HashMap<Scheme, f64>,
    /// The legacy kinds in the database.
    stored: HashSet<HashKind>,
    /// The highest estimate of the stored kinds.
    max_stored: Option<Duration>,
}

impl HashCosts {
    /// Returns the expected duration of a check of this kind.
    pub fn estimate(&self, kind: HashKind) -> Duration {
        self.lock().estimate(kind)
    }

    /// Records the duration of a check. The estimate rises quickly and falls slowly, so that one fast check does not
    /// make the queue overcommit.
    pub fn record(&self, kind: HashKind, took: Duration) {
        let mut learned = self.lock();
        let estimate = match learned.measured.get(&kind) {
            None => took,
            Some(before) if took > *before => (*before + took) / 2,
            Some(before) => (*before * 7 + took) / 8,
        };
        learned.measured.insert(kind, estimate);
        #[allow(clippy::cast_precision_loss)] // an estimate
        let rate = estimate.as_nanos() as f64 / kind.units().max(1) as f64;
        learned.rates.insert(kind.scheme(), rate);
        if learned.stored.contains(&kind) {
            learned.update_max_stored();
        }
    }

    /// Adds legacy kinds that are in the database.
    pub fn add_stored(&self, kinds: impl IntoIterator<Item = HashKind>) {
        let mut learned = self.lock();
        learned.stored.extend(kinds);
        learned.update_max_stored();
    }

    /// Returns the highest estimate of the legacy kinds in the database, or `None` if there are none.
    pub fn max_stored(&self) -> Option<Duration> {
        self.lock().max_stored
    }

    /// Returns the most expensive stored kind of each scheme without a measurement.
    pub fn unmeasured(&self) -> Vec<HashKind> {
        let learned = self.lock();
        let mut largest = HashMap::<Scheme, HashKind>::new();
        for kind in learned.stored.iter().filter(|kind| !learned.rates.contains_key(&kind.scheme())) {
            let max = largest.entry(kind.scheme()).or_insert(*kind);
            if kind.units() > max.units() {
                *max = *kind;
            }
        }
        largest.into_values().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Learned> {
        // Every change is complete before code that can panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Learned {
    fn estimate(&self, kind: HashKind) -> Duration {
        if let Some(measured) = self.measured.get(&kind) {
            return *measured;
        }
        let rate = self.rates.get(&kind.scheme()).copied().unwrap_or(kind.scheme().default_rate());
        #[allow(clippy::cast_precision_loss)] // an estimate
        Duration::from_secs_f64((rate * kind.units() as f64 / 1e9).min(60.0))
    }

    fn update_max_stored(&mut self) {
        self.max_stored = self.stored.iter().map(|kind| self.estimate(*kind)).max();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: HashKind = HashKind::Pbkdf2 { is_sha512: false, rounds: 1_000, blocks: 1 };
    const LARGE: HashKind = HashKind::Pbkdf2 { is_sha512: false, rounds: 10_000, blocks: 1 };

    #[test]
    fn hash_cost_is_estimated_from_same_scheme() {
        let costs = HashCosts::default();
        assert_eq!(costs.estimate(SMALL), Duration::from_micros(900), "a guess");
        costs.record(SMALL, Duration::from_millis(3));
        assert_eq!(costs.estimate(SMALL), Duration::from_millis(3));
        assert_eq!(costs.estimate(LARGE), Duration::from_millis(30));
        costs.record(LARGE, Duration::from_millis(20));
        assert_eq!(costs.estimate(LARGE), Duration::from_millis(20));
        assert_eq!(costs.estimate(SMALL), Duration::from_millis(3), "its own measurement takes precedence");
    }

    #[test]
    fn hash_cost_estimate_rises_fast_and_falls_slowly() {
        let costs = HashCosts::default();
        costs.record(SMALL, Duration::from_millis(8));
        costs.record(SMALL, Duration::from_millis(16));
        assert_eq!(costs.estimate(SMALL), Duration::from_millis(12));
        costs.record(SMALL, Duration::from_millis(4));
        assert_eq!(costs.estimate(SMALL), Duration::from_millis(11));
    }

    #[test]
    fn costliest_kind_counts_only_stored_hashes() {
        let costs = HashCosts::default();
        costs.record(LARGE, Duration::from_millis(50));
        assert_eq!(costs.max_stored(), None);
        costs.add_stored([SMALL, HashKind::Bcrypt { cost: 4 }, HashKind::Bcrypt { cost: 5 }]);
        assert_eq!(costs.unmeasured(), [HashKind::Bcrypt { cost: 5 }]);
        assert_eq!(costs.max_stored(), Some(Duration::from_millis(5)));
        costs.record(HashKind::Bcrypt { cost: 5 }, Duration::from_millis(70));
        assert_eq!(costs.max_stored(), Some(Duration::from_millis(70)));
        assert_eq!(costs.unmeasured(), []);
    }
}
