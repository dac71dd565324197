//! Hashing threads with a queue whose length is limited by its estimated duration.
//!
//! The number of threads bounds concurrent hashes and their memory. A semaphore would not: an aborted request would
//! release its permit while its hash still runs. Tasks run in order of arrival, tasks of aborted requests are skipped,
//! and a task that would wait too long is rejected.

use super::argon2id;
use super::backend::Backend;
use super::costs::HashCosts;
use super::kind::HashKind;
use super::password::Password;
use super::verify;
use argon2::Params;
use crossbeam_channel::{Receiver, Sender, TrySendError};
use prometheus_client::metrics::{counter::Counter, histogram::Histogram};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// Maximum estimated time in the queue. A task that would wait longer is rejected.
pub const MAX_WAIT: Duration = Duration::from_secs(2);
/// Capacity of the queue: more than two seconds of work on any machine, so [`MAX_WAIT`] is reached first.
const MAX_QUEUED: usize = 4096;

/// The reason why a password was not hashed or verified.
#[derive(Debug, thiserror::Error)]
pub enum HashError {
    #[error("password hash queue is full")]
    Overloaded,
    #[error("password hashing threads have stopped")]
    Stopped,
    #[error("cannot hash the password: {0}")]
    Failed(argon2::password_hash::Error),
}

/// The result of verifying a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verification {
    Invalid,
    Valid {
        /// The stored hash has other parameters than new hashes and should be replaced.
        needs_rehash: bool,
    },
    /// Nothing was checked, because too many attempts have their turn first.
    Unchecked,
}

struct Work {
    task: Task,
    kind: HashKind,
    /// The estimated cost in microseconds, as added to the load.
    estimate: u64,
    since: Instant,
}

pub enum Task {
    Hash(Password, oneshot::Sender<Result<String, HashError>>),
    Verify(Password, String, oneshot::Sender<Result<Verification, HashError>>),
}

impl Task {
    /// Returns the number of hashes that it computes at most.
    fn hashes(&self, kind: HashKind) -> u32 {
        match self {
            Self::Verify(password, ..) => password.form_count(kind),
            Self::Hash(..) => 1,
        }
    }

    fn is_abandoned(&self) -> bool {
        match self {
            Self::Hash(_, sender) => sender.is_closed(),
            Self::Verify(_, _, sender) => sender.is_closed(),
        }
    }
}

/// Statistics of the hashing threads. Times are in seconds.
pub struct Stats {
    pub wait: Histogram,
    pub cost: Histogram,
    /// Tasks rejected because of the estimated wait.
    pub refused: Counter,
    pub begun: AtomicU64,
    pub computed: AtomicU64,
}

impl Default for Stats {
    fn default() -> Self {
        let wait = [0.001, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0];
        let cost = [0.005, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.25, 0.5, 1.0];
        Self {
            wait: Histogram::new(wait),
            cost: Histogram::new(cost),
            refused: Counter::default(),
            begun: AtomicU64::default(),
            computed: AtomicU64::default(),
        }
    }
}

/// Settings of a queue and its threads.
#[derive(Clone)]
pub struct QueueSettings {
    pub name: &'static str,
    pub threads: usize,
    /// Niceness of the threads (sched(7)).
    pub nice: i32,
    /// Whether a thread keeps the memory of a hash for the next one.
    pub keeps_memory: bool,
    /// The parameters of new hashes.
    pub params: Params,
    pub backend: Backend,
}

/// A queue with its threads, which end when the last clone is dropped.
#[derive(Clone)]
pub struct WorkQueue {
    queue: Sender<Work>,
    load: Arc<Load>,
}

struct Load {
    costs: Arc<HashCosts>,
    stats: Arc<Stats>,
    threads: usize,
    /// Number of queued and running tasks, and the sum of their estimates.
    pending: AtomicUsize,
    pending_micros: AtomicU64,
}

impl WorkQueue {
    /// Starts the threads.
    ///
    /// # Errors
    /// If the system cannot create a thread.
    pub fn start(
        settings: &QueueSettings,
        costs: &Arc<HashCosts>,
        stats: &Arc<Stats>,
    ) -> std::io::Result<Self> {
        let load = Arc::new(Load {
            costs: Arc::clone(costs),
            stats: Arc::clone(stats),
            threads: settings.threads,
            pending: AtomicUsize::new(0),
            pending_micros: AtomicU64::new(0),
        });
        let (queue, work) = crossbeam_channel::bounded(MAX_QUEUED);
        for number in 0..settings.threads {
            let (work, load, settings) = (work.clone(), Arc::clone(&load), settings.clone());
            std::thread::Builder::new()
                .name(format!("{}-{number}", settings.name))
                .spawn(move || run_thread(&work, &load, &settings))?;
        }
        Ok(Self { queue, load })
    }

    /// Returns the estimated wait of a new task for a thread.
    pub fn wait(&self) -> Duration {
        let Load { pending, pending_micros, threads, .. } = &*self.load;
        let (pending, micros) = (pending.load(Ordering::Relaxed), pending_micros.load(Ordering::Relaxed));
        let ahead = (pending + 1).saturating_sub(*threads) as u64;
        Duration::from_micros(micros.saturating_mul(ahead) / (pending.max(1) * threads) as u64)
    }

    pub fn pending(&self) -> usize {
        self.load.pending.load(Ordering::Relaxed)
    }

    /// # Errors
    /// [`HashError::Overloaded`] if a new task would wait longer than [`MAX_WAIT`].
    pub fn check_load(&self) -> Result<(), HashError> {
        if self.wait() > MAX_WAIT {
            self.load.stats.refused.inc();
            return Err(HashError::Overloaded);
        }
        Ok(())
    }

    pub fn submit(&self, task: Task, kind: HashKind) -> Result<(), HashError> {
        self.check_load()?;
        let load = &self.load;
        let estimate = load.costs.estimate(kind) * task.hashes(kind);
        let estimate = u64::try_from(estimate.as_micros()).unwrap_or(u64::MAX);
        load.pending.fetch_add(1, Ordering::Relaxed);
        load.pending_micros.fetch_add(estimate, Ordering::Relaxed);
        let work = Work { task, kind, estimate, since: Instant::now() };
        self.queue.try_send(work).map_err(|error| {
            load.remove(estimate);
            match error {
                TrySendError::Full(_) => HashError::Overloaded,
                TrySendError::Disconnected(_) => HashError::Stopped,
            }
        })
    }

    /// Pretends that tasks are queued.
    #[cfg(test)]
    pub fn pretend_load(&self, jobs: usize, each: Duration) {
        self.load.pending.store(jobs, Ordering::Relaxed);
        let micros = each.as_micros() as u64 * jobs as u64;
        self.load.pending_micros.store(micros, Ordering::Relaxed);
    }
}

impl Load {
    fn remove(&self, estimate: u64) {
        self.pending_micros.fetch_sub(estimate, Ordering::Relaxed);
        self.pending.fetch_sub(1, Ordering::Relaxed);
    }

    /// Records the duration of this many hashes.
    fn record(&self, kind: HashKind, took: Duration, hashes: u32) {
        let cost = took / hashes.max(1);
        self.costs.record(kind, cost);
        self.stats.computed.fetch_add(hashes.into(), Ordering::Relaxed);
        for _ in 0..hashes {
            self.stats.cost.observe(cost.as_secs_f64());
        }
    }
}

/// Runs a hashing thread until the last [`WorkQueue`] is dropped.
fn run_thread(queue: &Receiver<Work>, load: &Load, settings: &QueueSettings) {
    // Hashing gives way to the HTTP workers. It is an optimization, so an error is ignored.
    #[cfg(target_os = "linux")] // on other systems this would apply to the whole process
    let _ = rustix::process::setpriority_process(None, settings.nice);
    let params = &settings.params;
    let mut memory = argon2id::Memory::new(settings.backend);
    for Work { task, kind, estimate, since } in queue {
        if task.is_abandoned() {
            load.remove(estimate);
        } else {
            load.stats.begun.fetch_add(1, Ordering::Relaxed);
            let started = Instant::now();
            load.stats.wait.observe(started.duration_since(since).as_secs_f64());
            // A failed send is not an error: the request was aborted during the hash.
            match task {
                Task::Hash(password, sender) => {
                    let salt = crate::crypto::random::bytes::<16>();
                    let hash = argon2id::hash(&mut memory, params, password.bytes(), &salt);
                    load.record(kind, started.elapsed(), 1);
                    // Before the send, so that the caller sees a queue without its own task.
                    load.remove(estimate);
                    let _ = sender.send(hash.map_err(HashError::Failed));
                }
                Task::Verify(password, stored, sender) => {
                    let (is_valid, hashes) = verify(&mut memory, &password, &stored, kind);
                    load.record(kind, started.elapsed(), hashes);
                    let verification = is_valid.map_err(HashError::Failed).map(|is_valid| match is_valid {
                        true => Verification::Valid { needs_rehash: !argon2id::is_current(&stored, params) },
                        false => Verification::Invalid,
                    });
                    load.remove(estimate);
                    let _ = sender.send(verification);
                }
            }
            if !settings.keeps_memory {
                memory = argon2id::Memory::new(settings.backend);
            }
        }
    }
}

/// Verifies each form of the password that the hash may have been made of, until one matches. Returns whether one did,
/// and the number of computed hashes.
fn verify(
    memory: &mut argon2id::Memory,
    password: &Password,
    stored: &str,
    kind: HashKind,
) -> (Result<bool, argon2::password_hash::Error>, u32) {
    let mut hashes = 0;
    for form in password.forms(kind) {
        hashes += 1;
        match verify::matches(memory, stored, form) {
            Ok(false) => {}
            decided => return (decided, hashes),
        }
    }
    (Ok(false), hashes)
}
