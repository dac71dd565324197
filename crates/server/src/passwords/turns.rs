//! Serializes checks of legacy hashes: one at a time for each key, such as an account or a network.
//!
//! A turn is a time slot, not a lock. An attempt that checks no legacy hash takes one too, and fails at its end. The
//! response times of concurrent attempts therefore do not reveal the kind of hash.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::OwnedMutexGuard;

/// The end of the last turn of each key that has one.
#[derive(Default)]
pub struct TurnQueue(Mutex<HashMap<String, Instant>>);

impl TurnQueue {
    /// Reserves the next turn of all keys, not before `ready`. Returns the end of the previous turn, if there is one, and
    /// the end of the new turn. Returns `None` and reserves nothing if the turn would begin after `latest`.
    pub fn reserve(
        &self,
        keys: &[String],
        ready: Instant,
        latest: Instant,
        length: Duration,
    ) -> Option<(Option<Instant>, Instant)> {
        let mut ends = self.lock();
        let free_at = keys.iter().filter_map(|key| ends.get(key)).max().copied();
        let begin = free_at.map_or(ready, |free_at| free_at.max(ready));
        if begin > latest {
            return None;
        }
        for key in keys {
            ends.insert(key.clone(), begin + length);
        }
        Some((free_at, begin + length))
    }

    /// Shortens the turns of the keys by `length`.
    pub fn give_back(&self, keys: &[String], length: Duration) {
        let mut ends = self.lock();
        for key in keys {
            if let Some(end) = ends.get_mut(key) {
                *end = end.checked_sub(length).unwrap_or(*end);
            }
        }
    }

    /// Removes keys without a turn.
    pub fn sweep(&self) {
        let now = Instant::now();
        let mut ends = self.lock();
        ends.retain(|_, end| *end > now);
        ends.shrink_to_fit();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Instant>> {
        // Every change is complete before code that can panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Locks by key. They delay the next turn if a check takes longer than its turn, as on a busy machine.
#[derive(Default)]
pub struct KeyLocks(Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>);

impl KeyLocks {
    /// Locks the keys, waiting for callers that hold one of them.
    pub async fn lock(&self, keys: &[String; 2]) -> [OwnedMutexGuard<()>; 2] {
        // A fixed order prevents a deadlock of two callers.
        let mut keys = keys.each_ref();
        keys.sort_unstable();
        let [first, second] = keys.map(|key| Arc::clone(self.map().entry(key.clone()).or_default()));
        [first.lock_owned().await, second.lock_owned().await]
    }

    /// Removes locks that no caller holds or waits for.
    pub fn sweep(&self) {
        self.map().retain(|_, lock| Arc::strong_count(lock) > 1);
    }

    fn map(&self) -> MutexGuard<'_, HashMap<String, Arc<tokio::sync::Mutex<()>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn turns_are_serialized_per_key_only() {
        let (turns, now) = (TurnQueue::default(), Instant::now());
        let reserve =
            |keys: [&str; 2], ready| turns.reserve(&keys.map(str::to_owned), ready, now + 2 * SECOND, SECOND);
        assert_eq!(reserve(["ada", "net 1"], now), Some((None, now + SECOND)));
        assert_eq!(reserve(["bob", "net 2"], now), Some((None, now + SECOND)));
        assert_eq!(reserve(["ada", "net 2"], now), Some((Some(now + SECOND), now + 2 * SECOND)));
        assert_eq!(reserve(["eve", "net 2"], now), Some((Some(now + 2 * SECOND), now + 3 * SECOND)));
        assert_eq!(reserve(["joe", "net 2"], now), None, "it would begin too late");
        turns.give_back(&["eve".into(), "net 2".into()], SECOND);
        assert_eq!(reserve(["joe", "net 2"], now), Some((Some(now + 2 * SECOND), now + 3 * SECOND)));
        let late = now + 3 * SECOND / 2;
        assert_eq!(reserve(["ann", "net 3"], late), Some((None, late + SECOND)), "the queue is long");
    }
}
