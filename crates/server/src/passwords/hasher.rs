//! Hashing and checking of passwords: new hashes and those that cost no more on threads of their own, and legacy hashes
//! on half as many others, so that a hash whose cost an import has chosen never keeps a thread from the rest.
//!
//! How failed attempts are kept from telling what kind of hash there is: each has a [`Turn`], which lasts as long as the
//! dearest check takes that the database holds, and is answered when the turn ends. That is time and no work.

use super::costs::HashCosts;
use super::kind::HashKind;
use super::turns::{KeyLocks, TurnQueue};
use super::work_queue::{HashError, MAX_WAIT, QueueSettings, Stats, Task, Verification, WorkQueue};
use super::{Password, argon2id};
use crate::telemetry::request_timing::{Phase, timed};
use argon2::Params;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// How much the hashing threads give way: a third of the weight of others when there is not enough for all.
const NICE: i32 = 5;
/// The threads for legacy hashes give way to those as well: another third.
const LEGACY_NICE: i32 = 10;

/// The pool. Cheap to clone; the threads end when the last clone is gone.
#[derive(Clone)]
pub struct Hasher {
    own: WorkQueue,
    legacy: WorkQueue,
    costs: Arc<HashCosts>,
    stats: Arc<Stats>,
    turns: Arc<TurnQueue>,
    checks: Arc<KeyLocks>,
    params: Params,
    threads: usize,
    dummy: Arc<str>,
}

/// The time that an attempt takes which fails, whatever hash there is.
pub struct Turn {
    keys: [String; 2],
    /// The time that is reserved of the keys'.
    length: Duration,
    /// When a legacy hash may be checked; `None`: at once.
    begins: Option<Instant>,
    ends: Instant,
    /// Too many have their turn first: a legacy hash is not checked.
    is_refused: bool,
}

impl Turn {
    /// Waits for the end of the turn.
    ///
    /// # Errors
    /// [`HashError::Overloaded`] for a turn in which a legacy hash would not have been checked.
    pub async fn wait_for_end(self) -> Result<(), HashError> {
        timed(Phase::Hash, tokio::time::sleep_until(self.ends.into())).await;
        if self.is_refused { Err(HashError::Overloaded) } else { Ok(()) }
    }
}

impl Hasher {
    /// Starts `threads` threads (at least one) that hash with `params`, and half as many (at least one) for legacy
    /// hashes.
    ///
    /// # Errors
    /// When the system gives no thread, or the parameters cannot be written as a hash.
    pub fn start(params: Params, threads: usize) -> std::io::Result<Self> {
        let threads = threads.max(1);
        #[cfg(feature = "argon2-simd")]
        super::simd::self_test(&params)?;
        let dummy = argon2id::dummy(&params).map_err(std::io::Error::other)?;
        let (costs, stats) = (Arc::<HashCosts>::default(), Arc::<Stats>::default());
        let own =
            QueueSettings { name: "hash", threads, nice: NICE, keeps_memory: true, params: params.clone() };
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
            threads,
            dummy: dummy.into(),
        })
    }

    /// The PHC string to store for `password`.
    pub async fn hash(&self, password: Password) -> Result<String, HashError> {
        let (answer, done) = oneshot::channel();
        self.own.submit(Task::Hash(password, answer), self.kind())?;
        timed(Phase::Hash, done).await.map_err(|_| HashError::Stopped)?
    }

    /// Checks `password` against the hash `stored`. `None`, or a hash that cannot be read, costs the
    /// same as a new one and is [`Verdict::Wrong`].
    pub async fn verify(&self, password: Password, stored: Option<&str>) -> Result<Verification, HashError> {
        let readable = stored.and_then(|stored| Some((HashKind::of(stored)?, stored)));
        if stored.is_some() && readable.is_none() {
            tracing::error!("a stored password hash cannot be read; its user cannot sign in");
        }
        let (kind, stored) = readable.unwrap_or((self.kind(), &self.dummy));
        let lane = if kind.is_legacy(&self.params) {
            self.costs.add_stored([kind]);
            &self.legacy
        } else {
            &self.own
        };
        let (answer, done) = oneshot::channel();
        lane.submit(Task::Verify(password, stored.to_owned(), answer), kind)?;
        timed(Phase::Hash, done).await.map_err(|_| HashError::Stopped)
    }

    /// Reserves the next turn of these keys, such as an account and a network: a legacy hash is checked for one attempt
    /// of each at a time.
    pub fn reserve_turn(&self, keys: [String; 2]) -> Turn {
        let now = Instant::now();
        let own_ends = now + self.own.wait() + with_margin(self.costs.estimate(self.kind()));
        let mut turn = Turn { keys, length: Duration::ZERO, begins: None, ends: own_ends, is_refused: false };
        let Some(dearest) = self.costs.dearest() else { return turn };
        let (ready, latest) = (now + self.legacy.wait(), now + MAX_WAIT);
        let length = with_margin(dearest);
        match self.turns.reserve(&turn.keys, ready, latest, length) {
            Some((begins, ends)) => turn = Turn { length, begins, ends: ends.max(own_ends), ..turn },
            None => turn.is_refused = true,
        }
        turn
    }

    /// [`Hasher::verify`], a legacy hash not before its turn; [`Verdict::Unchecked`] when it does not get one.
    pub async fn verify_in_turn(
        &self,
        password: Password,
        stored: Option<&str>,
        turn: &Turn,
    ) -> Result<Verification, HashError> {
        let kind = stored.and_then(HashKind::of);
        if kind.is_some_and(|kind| kind.is_legacy(&self.params)) {
            if turn.is_refused {
                // The cost of an attempt on any other account: the time must not tell.
                self.verify(password, None).await?;
                return Ok(Verification::Unchecked);
            }
            if let Some(begins) = turn.begins {
                timed(Phase::Hash, tokio::time::sleep_until(begins.into())).await;
            }
            let _alone = timed(Phase::Hash, self.checks.lock(&turn.keys)).await;
            return self.verify(password, stored).await;
        }
        self.verify(password, stored).await
    }

    /// Ends the turn of an attempt that was right: the next one need not wait for the rest of it.
    pub fn give_back(&self, turn: &Turn) {
        self.turns.give_back(&turn.keys, turn.length);
    }

    /// Takes note of the kinds of hashes that the database holds.
    pub fn add_stored_kinds(&self, kinds: impl IntoIterator<Item = HashKind>) {
        self.costs.add_stored(kinds.into_iter().filter(|kind| kind.is_legacy(&self.params)));
    }

    /// Measures one legacy hash of each stored scheme that was not measured yet.
    pub async fn measure_stored_kinds(&self) -> Result<(), HashError> {
        for kind in self.costs.unmeasured() {
            self.verify(Password::new("a password that no hash has"), Some(&kind.sample())).await?;
        }
        Ok(())
    }

    /// The kind of new hashes.
    pub fn kind(&self) -> HashKind {
        HashKind::of_new(&self.params)
    }

    /// Forgets turns that have ended.
    pub fn sweep(&self) {
        self.turns.sweep();
        self.checks.sweep();
    }

    /// Hashes that were computed, whatever they were for.
    pub fn computed(&self) -> u64 {
        self.stats.computed.load(Ordering::Relaxed)
    }

    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Hashes that are waited for, those being computed included.
    pub fn pending(&self) -> usize {
        self.own.pending() + self.legacy.pending()
    }

    pub fn threads(&self) -> usize {
        self.threads
    }

    /// # Errors
    /// [`HashError::Overloaded`] when a new hash would wait too long: to be asked before other work is done.
    pub fn check_load(&self) -> Result<(), HashError> {
        self.own.check_load()
    }
}

/// A quarter more, so that a check which takes a little longer than others is still over before its turn is.
fn with_margin(cost: Duration) -> Duration {
    cost + cost / 4
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of "correct horse", by Python's hashlib.
    const PBKDF2: &str =
        "$pbkdf2-sha256$i=1000,l=32$AAECAwQFBgcICQoLDA0ODw$yRTMTwbMbo9G0VfjobWqerzuuxe7BETNTErBbKKumGQ";

    fn hasher(threads: usize) -> Hasher {
        Hasher::start(crate::passwords::params(64, 1).unwrap(), threads).unwrap()
    }

    fn keys(account: &str, network: &str) -> [String; 2] {
        [account.to_owned(), network.to_owned()]
    }

    #[tokio::test]
    async fn hasher_verifies_its_own_hash() {
        let hasher = hasher(2);
        let stored = hasher.hash(Password::new("right")).await.unwrap();
        let verdict = |typed: &str| {
            let (hasher, stored, typed) = (hasher.clone(), stored.clone(), Password::new(typed));
            async move { hasher.verify(typed, Some(&stored)).await.unwrap() }
        };
        assert_eq!(verdict("right").await, Verification::Valid { needs_rehash: false });
        assert_eq!(verdict("wrong").await, Verification::Invalid);
    }

    #[tokio::test]
    async fn verify_of_unknown_user_costs_one_hash() {
        let hasher = hasher(1);
        for stored in [None, Some("not a hash")] {
            let before = hasher.computed();
            assert_eq!(hasher.verify(Password::new("x"), stored).await.unwrap(), Verification::Invalid);
            assert_eq!(hasher.computed(), before + 1);
        }
    }

    #[tokio::test]
    async fn hash_of_older_parameters_verifies_as_outdated() {
        let old = hasher(1).hash(Password::new("right")).await.unwrap();
        let new = Hasher::start(crate::passwords::params(128, 1).unwrap(), 1).unwrap();
        let verdict = new.verify(Password::new("right"), Some(&old)).await.unwrap();
        assert_eq!(verdict, Verification::Valid { needs_rehash: true });
    }

    #[tokio::test]
    async fn hasher_rejects_caller_beyond_max_wait() {
        let hasher = hasher(1);
        hasher.own.pretend_load(2, Duration::from_millis(1_500));
        let refused = hasher.verify(Password::new("x"), None).await;
        assert!(matches!(refused, Err(HashError::Overloaded)), "{refused:?}");
        hasher.own.pretend_load(1, Duration::from_millis(1_500));
        assert!(hasher.verify(Password::new("x"), None).await.is_ok());
    }

    #[tokio::test]
    async fn legacy_and_own_hashes_have_separate_queues() {
        let load = |lane: &WorkQueue| lane.pretend_load(2, Duration::from_millis(1_500));
        let busy_with_legacy = hasher(1);
        load(&busy_with_legacy.legacy);
        let refused = busy_with_legacy.verify(Password::new("x"), Some(PBKDF2)).await;
        assert!(matches!(refused, Err(HashError::Overloaded)), "{refused:?}");
        assert!(busy_with_legacy.verify(Password::new("x"), None).await.is_ok());
        let busy_with_others = hasher(1);
        load(&busy_with_others.own);
        assert!(busy_with_others.verify(Password::new("x"), Some(PBKDF2)).await.is_ok());
    }

    #[tokio::test]
    async fn legacy_queue_refuses_by_cost_and_delays_no_other() {
        let hasher = hasher(1);
        let dear = HashKind::Pbkdf2 { is_sha512: true, rounds: 100_000, blocks: 1 };
        hasher.costs.record(dear, MAX_WAIT + Duration::from_secs(1));
        let waiting: Vec<_> = (0..2)
            .map(|_| {
                let (answer, waiting) = oneshot::channel();
                let task = Task::Verify(Password::new("x"), dear.sample(), answer);
                (hasher.legacy.submit(task, dear).is_ok(), waiting)
            })
            .collect();
        assert_eq!(waiting.iter().map(|(is_queued, _)| *is_queued).collect::<Vec<_>>(), [true, false]);
        assert_eq!(hasher.legacy.pending(), 1);
        let verdict = hasher.verify(Password::new("x"), None).await.unwrap();
        assert_eq!(
            (verdict, hasher.legacy.pending()),
            (Verification::Invalid, 1),
            "it did not wait for the other"
        );
    }

    #[tokio::test]
    async fn legacy_and_own_attempts_end_alike() {
        let hasher = hasher(1);
        let own = hasher.hash(Password::new("right")).await.unwrap();
        hasher.add_stored_kinds([HashKind::of(PBKDF2).unwrap()]);
        hasher.measure_stored_kinds().await.unwrap();
        // The estimate falls by an eighth at most with each check.
        let shortest = hasher.costs.dearest().unwrap() / 2;
        for stored in [None, Some(&*own), Some(PBKDF2)] {
            let begun = Instant::now();
            let turn = hasher.reserve_turn(keys(stored.unwrap_or_default(), "net"));
            let verdict = hasher.verify_in_turn(Password::new("wrong"), stored, &turn).await.unwrap();
            assert_eq!(verdict, Verification::Invalid);
            turn.wait_for_end().await.unwrap();
            assert!(begun.elapsed() >= shortest, "{stored:?}");
        }
        // A thread takes its work off the load after it has answered.
        while hasher.pending() > 0 {
            tokio::task::yield_now().await;
        }
        hasher.legacy.pretend_load(1, 2 * MAX_WAIT);
        for (stored, expected) in [
            (None, Verification::Invalid),
            (Some(&*own), Verification::Invalid),
            (Some(PBKDF2), Verification::Unchecked),
        ] {
            let before = hasher.computed();
            let turn = hasher.reserve_turn(keys("x", "y"));
            let verdict = hasher.verify_in_turn(Password::new("wrong"), stored, &turn).await.unwrap();
            assert_eq!((verdict, hasher.computed() - before), (expected, 1));
            assert!(matches!(turn.wait_for_end().await, Err(HashError::Overloaded)));
        }
    }

    #[tokio::test]
    async fn returned_turn_delays_no_later_attempt() {
        let hasher = hasher(1);
        hasher.add_stored_kinds([HashKind::of(PBKDF2).unwrap()]);
        hasher.measure_stored_kinds().await.unwrap();
        let first = hasher.reserve_turn(keys("ada", "net"));
        let second = hasher.reserve_turn(keys("ada", "net"));
        assert!(second.begins.is_some());
        hasher.give_back(&first);
        hasher.give_back(&second);
        let third = hasher.reserve_turn(keys("ada", "other"));
        assert!(third.begins < second.begins, "{:?} {:?}", third.begins, second.begins);
    }

    /// The bound on memory: an abandoned request's hash keeps its thread to its end, and what was abandoned before
    /// its turn costs nothing.
    #[tokio::test]
    async fn aborted_request_keeps_thread_until_hash_ends() {
        let hasher = Hasher::start(crate::passwords::params(16 * 1024, 4).unwrap(), 1).unwrap();
        let submit = |password, answer| {
            let task = Task::Verify(Password::new(password), hasher.dummy.to_string(), answer);
            hasher.own.submit(task, hasher.kind()).unwrap();
        };
        let begun = || hasher.stats.begun.load(Ordering::Relaxed);

        let (answer, waiting) = oneshot::channel();
        submit("x", answer);
        while begun() == 0 {
            tokio::task::yield_now().await;
        }
        drop(waiting);
        let (abandoned, dropped) = oneshot::channel();
        drop(dropped);
        submit("y", abandoned);
        assert_eq!(hasher.verify(Password::new("z"), None).await.unwrap(), Verification::Invalid);
        assert_eq!((begun(), hasher.computed()), (2, 2), "the first and the last");
    }
}
