//! Hashes and verifies passwords. New hashes, and checks that cost no more, have their own threads. Legacy hashes have
//! half as many other threads, so that expensive imported hashes cannot block logins with new ones.
//!
//! Response times must not reveal the kind of hash of an account. Each failed attempt therefore has a [`Turn`], which
//! lasts as long as the most expensive check of a stored hash in all forms of the password, and the response is sent when the turn ends. The rest of
//! the turn is a timer, not work.

use super::argon2id;
use super::backend::Backend;
use super::costs::HashCosts;
use super::kind::HashKind;
use super::password::Password;
use super::turns::{KeyLocks, TurnQueue};
use super::work_queue::{HashError, MAX_WAIT, QueueSettings, Stats, Task, Verification, WorkQueue};
use crate::telemetry::request_timing::{Phase, timed};
use argon2::Params;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// Niceness of the hashing threads. At 5, the scheduler gives them a third of the weight of other threads (sched(7)).
const NICE: i32 = 5;
/// Niceness of the threads for legacy hashes: a third of the weight of the other hashing threads.
const LEGACY_NICE: i32 = 10;

/// The hashing threads. Cheap to clone; the threads end when the last clone is dropped.
#[derive(Clone)]
pub struct Hasher {
    own: WorkQueue,
    legacy: WorkQueue,
    costs: Arc<HashCosts>,
    stats: Arc<Stats>,
    turns: Arc<TurnQueue>,
    checks: Arc<KeyLocks>,
    params: Params,
    backend: Backend,
    threads: usize,
    dummy: Arc<str>,
}

/// The fixed duration of a failed attempt, independent of the stored hash.
pub struct Turn {
    keys: [String; 2],
    /// The time reserved for each key.
    length: Duration,
    /// When a legacy hash may be checked. `None` means immediately.
    begins: Option<Instant>,
    ends: Instant,
    /// The queue of turns is too long: a legacy hash is not checked.
    is_refused: bool,
}

impl Turn {
    /// Waits for the end of the turn.
    ///
    /// # Errors
    /// [`HashError::Overloaded`] if a legacy hash would not have been checked.
    pub async fn wait_for_end(self) -> Result<(), HashError> {
        timed(Phase::Hash, tokio::time::sleep_until(self.ends.into())).await;
        if self.is_refused { Err(HashError::Overloaded) } else { Ok(()) }
    }
}

impl Hasher {
    /// Starts `threads` threads that hash with `params` and, if it works here, this backend, and half as many for legacy hashes; at least one of each.
    ///
    /// # Errors
    /// If the system cannot create a thread, or the parameters cannot be encoded in a hash.
    pub fn start(params: Params, backend: Backend, threads: usize) -> std::io::Result<Self> {
        let threads = threads.max(1);
        let backend = backend.checked(&params);
        let dummy = argon2id::dummy(&params).map_err(std::io::Error::other)?;
        let (costs, stats) = (Arc::<HashCosts>::default(), Arc::<Stats>::default());
        let own = QueueSettings {
            name: "hash",
            threads,
            nice: NICE,
            keeps_memory: true,
            params: params.clone(),
            backend,
        };
        let legacy = QueueSettings {
            name: "hash-legacy",
            threads: (threads / 2).max(1),
            nice: LEGACY_NICE,
            keeps_memory: false,
            ..own.clone()
        };
        Ok(Self {
            own: WorkQueue::start(&own, &costs, &stats)?,
            legacy: WorkQueue::start(&legacy, &costs, &stats)?,
            costs,
            stats,
            turns: Arc::default(),
            checks: Arc::default(),
            params,
            backend,
            threads,
            dummy: dummy.into(),
        })
    }

    /// Returns the hash of `password` as a PHC string.
    pub async fn hash(&self, password: Password) -> Result<String, HashError> {
        let (sender, receiver) = oneshot::channel();
        self.own.submit(Task::Hash(password, sender), self.kind())?;
        timed(Phase::Hash, receiver).await.map_err(|_| HashError::Stopped)?
    }

    /// Verifies `password` against the hash `stored`. Without a hash, or with an unknown format, this takes the time of
    /// a new hash and returns [`Verification::Invalid`].
    pub async fn verify(&self, password: Password, stored: Option<&str>) -> Result<Verification, HashError> {
        let readable = stored.and_then(|stored| Some((HashKind::of(stored)?, stored)));
        if stored.is_some() && readable.is_none() {
            tracing::error!("stored password hash has an unknown format, login rejected");
        }
        let (kind, stored) = readable.unwrap_or((self.kind(), &self.dummy));
        let queue = if kind.is_legacy(&self.params) {
            self.costs.add_stored([kind]);
            &self.legacy
        } else {
            &self.own
        };
        let (sender, receiver) = oneshot::channel();
        queue.submit(Task::Verify(password, stored.to_owned(), sender), kind)?;
        timed(Phase::Hash, receiver).await.map_err(|_| HashError::Stopped)?
    }

    /// Reserves the next turn of the keys, such as an account and a network. Legacy hashes are checked one at a time for
    /// each key, in all forms of the password.
    pub fn reserve_turn(&self, keys: [String; 2], password: &Password) -> Turn {
        let now = Instant::now();
        let own_ends = now + self.own.wait() + with_margin(self.costs.estimate(self.kind()));
        let mut turn = Turn { keys, length: Duration::ZERO, begins: None, ends: own_ends, is_refused: false };
        let Some(longest_check) = self.costs.max_stored() else { return turn };
        let (ready, latest) = (now + self.legacy.wait(), now + MAX_WAIT);
        let length = with_margin(longest_check * password.max_form_count());
        match self.turns.reserve(&turn.keys, ready, latest, length) {
            Some((begins, ends)) => turn = Turn { length, begins, ends: ends.max(own_ends), ..turn },
            None => turn.is_refused = true,
        }
        turn
    }

    /// Like [`Hasher::verify`], but checks a legacy hash only in its turn. Returns [`Verification::Unchecked`] if the turn
    /// was refused.
    pub async fn verify_in_turn(
        &self,
        password: Password,
        stored: Option<&str>,
        turn: &Turn,
    ) -> Result<Verification, HashError> {
        let kind = stored.and_then(HashKind::of);
        if kind.is_some_and(|kind| kind.is_legacy(&self.params)) {
            if turn.is_refused {
                // Takes the time of an attempt on any other account, so that the time reveals nothing.
                self.verify(password, None).await?;
                return Ok(Verification::Unchecked);
            }
            if let Some(begins) = turn.begins {
                timed(Phase::Hash, tokio::time::sleep_until(begins.into())).await;
            }
            let _locks = timed(Phase::Hash, self.checks.lock(&turn.keys)).await;
            return self.verify(password, stored).await;
        }
        self.verify(password, stored).await
    }

    /// Returns the rest of the turn of a successful attempt, so that the next attempt need not wait for it.
    pub fn give_back(&self, turn: &Turn) {
        self.turns.give_back(&turn.keys, turn.length);
    }

    /// Adds kinds of hashes that are in the database.
    pub fn add_stored_kinds(&self, kinds: impl IntoIterator<Item = HashKind>) {
        self.costs.add_stored(kinds.into_iter().filter(|kind| kind.is_legacy(&self.params)));
    }

    /// Measures one legacy hash of each stored scheme without a measurement.
    pub async fn measure_stored_kinds(&self) -> Result<(), HashError> {
        for kind in self.costs.unmeasured() {
            self.verify(Password::new("a password that no hash has"), Some(&kind.sample())).await?;
        }
        Ok(())
    }

    /// Returns the kind of new hashes.
    pub fn kind(&self) -> HashKind {
        HashKind::of_new(&self.params)
    }

    /// Removes turns that have ended.
    pub fn sweep(&self) {
        self.turns.sweep();
        self.checks.sweep();
    }

    /// Returns the number of computed hashes, for any purpose.
    pub fn computed(&self) -> u64 {
        self.stats.computed.load(Ordering::Relaxed)
    }

    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Returns the number of queued and running hashes.
    pub fn pending(&self) -> usize {
        self.own.pending() + self.legacy.pending()
    }

    /// Returns the backend in use.
    pub fn backend(&self) -> Backend {
        self.backend
    }

    pub fn threads(&self) -> usize {
        self.threads
    }

    /// # Errors
    /// [`HashError::Overloaded`] if a new hash would wait too long. Call it before other work of a request.
    pub fn check_load(&self) -> Result<(), HashError> {
        self.own.check_load()
    }
}

/// Adds a quarter, so that a check that is slower than usual still ends before its turn.
fn with_margin(cost: Duration) -> Duration {
    cost + cost / 4
}

#[cfg(test)]
mod tests;
