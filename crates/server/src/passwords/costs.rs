//! Costs of checks on this machine, learned from those that were made: what a queue will take, and how long the
//! dearest check takes that a stored hash may ask for.

use super::kind::{HashKind, Scheme};
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

#[derive(Default)]
pub struct HashCosts(Mutex<Learned>);

#[derive(Default)]
struct Learned {
    measured: HashMap<HashKind, Duration>,
    /// Nanoseconds of a unit, of the check measured last.
    rates: HashMap<Scheme, f64>,
    /// The legacy kinds that the database holds.
    stored: HashSet<HashKind>,
    dearest: Option<Duration>,
}

impl HashCosts {
    /// How long a check of this kind is likely to take.
    pub fn estimate(&self, kind: HashKind) -> Duration {
        self.lock().estimate(kind)
    }

    /// Takes note of how long a check took: at once when longer, little by little when shorter.
    pub fn record(&self, kind: HashKind, took: Duration) {
        let mut learned = self.lock();
        let after = match learned.measured.get(&kind) {
            None => took,
            Some(before) if took > *before => (*before + took) / 2,
            Some(before) => (*before * 7 + took) / 8,
        };
        learned.measured.insert(kind, after);
        #[allow(clippy::cast_precision_loss)] // an estimate
        let rate = after.as_nanos() as f64 / kind.units().max(1) as f64;
        learned.rates.insert(kind.scheme(), rate);
        if learned.stored.contains(&kind) {
            learned.find_dearest();
        }
    }

    /// Adds legacy kinds that the database holds.
    pub fn add_stored(&self, kinds: impl IntoIterator<Item = HashKind>) {
        let mut learned = self.lock();
        learned.stored.extend(kinds);
        learned.find_dearest();
    }

    /// How long the dearest of the legacy kinds takes that the database holds; `None` when it holds none.
    pub fn dearest(&self) -> Option<Duration> {
        self.lock().dearest
    }

    /// For each scheme the stored kind that asks for most, where none of the scheme was measured yet.
    pub fn unmeasured(&self) -> Vec<HashKind> {
        let learned = self.lock();
        let mut largest = HashMap::<Scheme, HashKind>::new();
        for kind in learned.stored.iter().filter(|kind| !learned.rates.contains_key(&kind.scheme())) {
            let found = largest.entry(kind.scheme()).or_insert(*kind);
            if kind.units() > found.units() {
                *found = *kind;
            }
        }
        largest.into_values().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Learned> {
        // A panic while it was held cannot have left it half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Learned {
    fn estimate(&self, kind: HashKind) -> Duration {
        if let Some(measured) = self.measured.get(&kind) {
            return *measured;
        }
        let rate = self.rates.get(&kind.scheme()).copied().unwrap_or(kind.scheme().first_guess());
        #[allow(clippy::cast_precision_loss)] // an estimate
        Duration::from_secs_f64((rate * kind.units() as f64 / 1e9).min(60.0))
    }

    fn find_dearest(&mut self) {
        self.dearest = self.stored.iter().map(|kind| self.estimate(*kind)).max();
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
        assert_eq!(costs.estimate(SMALL), Duration::from_millis(3), "its own is known");
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
        assert_eq!(costs.dearest(), None);
        costs.add_stored([SMALL, HashKind::Bcrypt { cost: 4 }, HashKind::Bcrypt { cost: 5 }]);
        assert_eq!(costs.unmeasured(), [HashKind::Bcrypt { cost: 5 }]);
        assert_eq!(costs.dearest(), Some(Duration::from_millis(5)));
        costs.record(HashKind::Bcrypt { cost: 5 }, Duration::from_millis(70));
        assert_eq!(costs.dearest(), Some(Duration::from_millis(70)));
        assert_eq!(costs.unmeasured(), []);
    }
}
