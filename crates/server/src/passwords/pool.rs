//! The hashing threads and the queue before them.
//!
//! A fixed number of threads, each with memory of its own, is the bound on the memory and the CPU that
//! hashing takes: there is no permit that an abandoned request could give back while its hash still
//! runs. Work is done in order of arrival, work that nobody waits for any more is skipped, and when the
//! wait would be too long the caller is told so at once.

use super::{Password, hash};
use crate::spent::{Part, measured};
use argon2::Params;
use crossbeam_channel::{Receiver, Sender, TrySendError};
use prometheus_client::metrics::{counter::Counter, histogram::Histogram};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// A caller who would wait longer is told to come back instead.
const MAX_WAIT: Duration = Duration::from_secs(2);
/// More than two seconds' work of any machine; the queue never holds it, the estimate refuses before.
const MAX_QUEUED: usize = 4096;
/// How much the hashing threads give way: a third of the weight of others when there is not enough for all (sched(7)).
#[cfg(target_os = "linux")]
const NICE: i32 = 5;
/// What a hash is taken to cost until one was measured.
const FIRST_GUESS: Duration = Duration::from_millis(25);

#[derive(Debug, thiserror::Error)]
pub enum HashError {
    #[error("the hashing queue is full")]
    Overloaded,
    #[error("the hashing threads have stopped")]
    Stopped,
    #[error("the hash could not be computed: {0}")]
    Failed(argon2::password_hash::Error),
}

/// What became of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Wrong,
    Right {
        /// The stored hash has other parameters than new ones get: hash again and store.
        outdated: bool,
    },
}

struct Work {
    task: Task,
    since: Instant,
}

enum Task {
    Hash(Password, oneshot::Sender<Result<String, HashError>>),
    Verify(Password, String, oneshot::Sender<Verdict>),
}

impl Task {
    fn is_abandoned(&self) -> bool {
        match self {
            Self::Hash(_, answer) => answer.is_closed(),
            Self::Verify(_, _, answer) => answer.is_closed(),
        }
    }
}

/// The pool. Cheap to clone; the threads end when the last clone is gone.
#[derive(Clone)]
pub struct Hasher {
    queue: Sender<Work>,
    load: Arc<Load>,
    dummy: Arc<str>,
}

/// What the pool has done, in seconds.
pub struct Stats {
    pub wait: Histogram,
    pub cost: Histogram,
    /// Refused because the wait would have been too long.
    pub refused: Counter,
}

impl Default for Stats {
    fn default() -> Self {
        let wait = [0.001, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0];
        let cost = [0.005, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.25, 0.5, 1.0];
        Self { wait: Histogram::new(wait), cost: Histogram::new(cost), refused: Counter::default() }
    }
}

struct Load {
    stats: Stats,
    /// Jobs that are queued or being done.
    pending: AtomicUsize,
    threads: usize,
    /// A moving average of what one hash costs, in microseconds.
    cost_micros: AtomicU64,
    begun: AtomicU64,
    computed: AtomicU64,
}

impl Load {
    /// How long a job that comes now would wait for a thread.
    fn wait(&self) -> Duration {
        let ahead = (self.pending.load(Ordering::Relaxed) + 1).saturating_sub(self.threads);
        let micros = self.cost_micros.load(Ordering::Relaxed).saturating_mul(ahead as u64);
        Duration::from_micros(micros / self.threads as u64)
    }

    fn measured(&self, cost: Duration) {
        let old = self.cost_micros.load(Ordering::Relaxed);
        let new = u64::try_from(cost.as_micros()).unwrap_or(u64::MAX);
        self.cost_micros.store((old * 7 + new) / 8, Ordering::Relaxed);
        self.computed.fetch_add(1, Ordering::Relaxed);
        self.stats.cost.observe(cost.as_secs_f64());
    }
}

impl Hasher {
    /// Starts `threads` threads (at least one) that hash with `params`.
    ///
    /// # Errors
    /// When the system gives no thread, or the parameters cannot be written as a hash.
    pub fn start(params: Params, threads: usize) -> std::io::Result<Self> {
        let threads = threads.max(1);
        #[cfg(feature = "argon2-simd")]
        super::simd::self_test(&params)?;
        let dummy = hash::dummy(&params).map_err(std::io::Error::other)?;
        let load = Arc::new(Load {
            pending: AtomicUsize::new(0),
            threads,
            cost_micros: AtomicU64::new(u64::try_from(FIRST_GUESS.as_micros()).unwrap_or(u64::MAX)),
            begun: AtomicU64::new(0),
            computed: AtomicU64::new(0),
            stats: Stats::default(),
        });
        let (queue, work) = crossbeam_channel::bounded(MAX_QUEUED);
        for number in 0..threads {
            let (work, load, params) = (work.clone(), load.clone(), params.clone());
            std::thread::Builder::new()
                .name(format!("hash-{number}"))
                .spawn(move || serve(&work, &load, &params))?;
        }
        Ok(Self { queue, load, dummy: dummy.into() })
    }

    /// The PHC string to store for `password`.
    pub async fn hash(&self, password: Password) -> Result<String, HashError> {
        let (answer, done) = oneshot::channel();
        self.submit(Task::Hash(password, answer))?;
        measured(Part::Hash, done).await.map_err(|_| HashError::Stopped)?
    }

    /// Checks `password` against the hash `stored`. `None`, or a hash that cannot be read, costs the
    /// same as any other and is [`Verdict::Wrong`].
    pub async fn verify(&self, password: Password, stored: Option<&str>) -> Result<Verdict, HashError> {
        let stored = match stored {
            Some(stored) if hash::is_readable(stored) => stored,
            Some(_) => {
                tracing::error!("a stored password hash cannot be read; its user cannot sign in");
                &self.dummy
            }
            None => &self.dummy,
        };
        let (answer, done) = oneshot::channel();
        self.submit(Task::Verify(password, stored.to_owned(), answer))?;
        measured(Part::Hash, done).await.map_err(|_| HashError::Stopped)
    }

    /// Hashes that were computed, whatever they were for.
    pub fn computed(&self) -> u64 {
        self.load.computed.load(Ordering::Relaxed)
    }

    pub fn stats(&self) -> &Stats {
        &self.load.stats
    }

    /// Hashes that are waited for, those being computed included.
    pub fn pending(&self) -> usize {
        self.load.pending.load(Ordering::Relaxed)
    }

    pub fn threads(&self) -> usize {
        self.load.threads
    }

    /// # Errors
    /// [`HashError::Overloaded`] when who comes now would wait too long: to be asked before other work is done.
    pub fn check_load(&self) -> Result<(), HashError> {
        if self.load.wait() > MAX_WAIT {
            self.load.stats.refused.inc();
            return Err(HashError::Overloaded);
        }
        Ok(())
    }

    fn submit(&self, task: Task) -> Result<(), HashError> {
        self.check_load()?;
        self.load.pending.fetch_add(1, Ordering::Relaxed);
        self.queue.try_send(Work { task, since: Instant::now() }).map_err(|refused| {
            self.load.pending.fetch_sub(1, Ordering::Relaxed);
            match refused {
                TrySendError::Full(_) => HashError::Overloaded,
                TrySendError::Disconnected(_) => HashError::Stopped,
            }
        })
    }
}

/// One hashing thread, until the last [`Hasher`] is gone.
fn serve(queue: &Receiver<Work>, load: &Load, params: &Params) {
    // A hash may wait for any other request, and no other request for a hash. Where the system does not let us,
    // all are equal.
    #[cfg(target_os = "linux")] // where it is of this thread alone, and not of the process
    let _ = rustix::process::setpriority_process(None, NICE);
    let mut memory = hash::Memory::default();
    for Work { task, since } in queue {
        if !task.is_abandoned() {
            load.begun.fetch_add(1, Ordering::Relaxed);
            let started = Instant::now();
            load.stats.wait.observe(started.duration_since(since).as_secs_f64());
            // An answer that nobody takes is no error: the request went away while its hash ran.
            match task {
                Task::Hash(password, answer) => {
                    let salt = crate::random::bytes::<16>();
                    let done = hash::hash(&mut memory, params, password.bytes(), &salt);
                    load.measured(started.elapsed());
                    let _ = answer.send(done.map_err(HashError::Failed));
                }
                Task::Verify(password, stored, answer) => {
                    let right = hash::matches(&mut memory, &stored, password.bytes()) == Some(true);
                    load.measured(started.elapsed());
                    let verdict = if right {
                        Verdict::Right { outdated: !hash::is_current(&stored, params) }
                    } else {
                        Verdict::Wrong
                    };
                    let _ = answer.send(verdict);
                }
            }
        }
        load.pending.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hasher(threads: usize) -> Hasher {
        Hasher::start(crate::passwords::params(64, 1).unwrap(), threads).unwrap()
    }

    #[tokio::test]
    async fn a_password_hashed_by_the_pool_is_verified_by_it() {
        let hasher = hasher(2);
        let stored = hasher.hash(Password::new("right")).await.unwrap();
        let verdict = |typed: &str| {
            let (hasher, stored, typed) = (hasher.clone(), stored.clone(), Password::new(typed));
            async move { hasher.verify(typed, Some(&stored)).await.unwrap() }
        };
        assert_eq!(verdict("right").await, Verdict::Right { outdated: false });
        assert_eq!(verdict("wrong").await, Verdict::Wrong);
    }

    #[tokio::test]
    async fn an_unknown_user_is_wrong_and_goes_through_a_hash_all_the_same() {
        let hasher = hasher(1);
        for stored in [None, Some("not a hash")] {
            let before = hasher.load.cost_micros.load(Ordering::Relaxed);
            assert_eq!(hasher.verify(Password::new("x"), stored).await.unwrap(), Verdict::Wrong);
            while hasher.load.pending.load(Ordering::Relaxed) > 0 {
                tokio::task::yield_now().await;
            }
            assert_ne!(hasher.load.cost_micros.load(Ordering::Relaxed), before, "no hash was measured");
        }
    }

    #[tokio::test]
    async fn a_hash_of_older_parameters_is_right_but_outdated() {
        let old = hasher(1).hash(Password::new("right")).await.unwrap();
        let new = Hasher::start(crate::passwords::params(128, 1).unwrap(), 1).unwrap();
        let verdict = new.verify(Password::new("right"), Some(&old)).await.unwrap();
        assert_eq!(verdict, Verdict::Right { outdated: true });
    }

    #[tokio::test]
    async fn who_would_wait_too_long_is_refused_at_once() {
        let hasher = hasher(1);
        hasher.load.cost_micros.store(1_500_000, Ordering::Relaxed);
        hasher.load.pending.store(2, Ordering::Relaxed);
        let refused = hasher.verify(Password::new("x"), None).await;
        assert!(matches!(refused, Err(HashError::Overloaded)), "{refused:?}");
        hasher.load.pending.store(1, Ordering::Relaxed);
        assert!(hasher.verify(Password::new("x"), None).await.is_ok());
    }

    /// The bound on memory: an abandoned request's hash keeps its thread to its end, and what was abandoned before
    /// its turn costs nothing.
    #[tokio::test]
    async fn an_aborted_request_frees_no_thread_while_its_hash_runs() {
        let hasher = Hasher::start(crate::passwords::params(16 * 1024, 4).unwrap(), 1).unwrap();
        let submit = |password, answer| {
            hasher.submit(Task::Verify(Password::new(password), hasher.dummy.to_string(), answer)).unwrap();
        };
        let begun = || hasher.load.begun.load(Ordering::Relaxed);

        let (answer, waiting) = oneshot::channel();
        submit("x", answer);
        while begun() == 0 {
            tokio::task::yield_now().await;
        }
        drop(waiting);
        let (abandoned, nobody) = oneshot::channel();
        drop(nobody);
        submit("y", abandoned);
        assert_eq!(hasher.verify(Password::new("z"), None).await.unwrap(), Verdict::Wrong);
        assert_eq!((begun(), hasher.computed()), (2, 2), "the first and the last");
    }
}
