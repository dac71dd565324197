//! Threads that hash passwords, and the queue before them, whose length is told in time.
//!
//! The thread is the bound: at most so many hashes are computed at once, and at most so much memory is theirs, however
//! long hashing takes: there is no permit that an abandoned request could give back while its hash still runs. Work is
//! done in order of arrival, abandoned work is skipped, and when the wait would be too long the caller is refused.

use super::costs::HashCosts;
use super::kind::HashKind;
use super::{Password, argon2id};
use argon2::Params;
use crossbeam_channel::{Receiver, Sender, TrySendError};
use prometheus_client::metrics::{counter::Counter, histogram::Histogram};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// A caller who would wait longer is told to come back instead.
pub const MAX_WAIT: Duration = Duration::from_secs(2);
/// More than two seconds' work of any machine; the queue never holds it, the estimate refuses before.
const MAX_QUEUED: usize = 4096;

#[derive(Debug, thiserror::Error)]
pub enum HashError {
    #[error("the hashing queue is full")]
    Overloaded,
    #[error("the hashing threads have stopped")]
    Stopped,
    #[error("the hash could not be computed: {0}")]
    Failed(argon2::password_hash::Error),
}

/// The result of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verification {
    Invalid,
    Valid {
        /// The stored hash has other parameters than new ones get: hash again and store.
        needs_rehash: bool,
    },
    /// Nothing was checked: too many others have their turn first.
    Unchecked,
}

struct Work {
    task: Task,
    kind: HashKind,
    /// The cost that it was added to the load with, in microseconds.
    estimate: u64,
    since: Instant,
}

pub enum Task {
    Hash(Password, oneshot::Sender<Result<String, HashError>>),
    Verify(Password, String, oneshot::Sender<Verification>),
}

impl Task {
    fn is_abandoned(&self) -> bool {
        match self {
            Self::Hash(_, answer) => answer.is_closed(),
            Self::Verify(_, _, answer) => answer.is_closed(),
        }
    }
}

/// Counts of the work that was done; times in seconds.
pub struct Stats {
    pub wait: Histogram,
    pub cost: Histogram,
    /// Refused because the wait would have been too long.
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

/// How the threads of a lane are.
#[derive(Clone)]
pub struct QueueSettings {
    pub name: &'static str,
    pub threads: usize,
    /// How much they give way to other threads (sched(7)).
    pub nice: i32,
    /// Whether a thread keeps the memory of a hash for the next one.
    pub keeps_memory: bool,
    /// The parameters of new hashes.
    pub params: Params,
}

/// A queue with its threads, which end when the last clone is gone.
#[derive(Clone)]
pub struct WorkQueue {
    queue: Sender<Work>,
    load: Arc<Load>,
}

struct Load {
    costs: Arc<HashCosts>,
    stats: Arc<Stats>,
    threads: usize,
    /// Jobs that are queued or being done, and the sum of their estimates.
    pending: AtomicUsize,
    pending_micros: AtomicU64,
}

impl WorkQueue {
    /// # Errors
    /// When the system gives no thread.
    pub fn start(
        manner: &QueueSettings,
        costs: &Arc<HashCosts>,
        stats: &Arc<Stats>,
    ) -> std::io::Result<Self> {
        let load = Arc::new(Load {
            costs: Arc::clone(costs),
            stats: Arc::clone(stats),
            threads: manner.threads,
            pending: AtomicUsize::new(0),
            pending_micros: AtomicU64::new(0),
        });
        let (queue, work) = crossbeam_channel::bounded(MAX_QUEUED);
        for number in 0..manner.threads {
            let (work, load, manner) = (work.clone(), Arc::clone(&load), manner.clone());
            std::thread::Builder::new()
                .name(format!("{}-{number}", manner.name))
                .spawn(move || run_thread(&work, &load, &manner))?;
        }
        Ok(Self { queue, load })
    }

    /// How long a job that comes now would wait for a thread.
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
    /// [`HashError::Overloaded`] when a job that comes now would wait too long.
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
        let estimate = u64::try_from(load.costs.estimate(kind).as_micros()).unwrap_or(u64::MAX);
        load.pending.fetch_add(1, Ordering::Relaxed);
        load.pending_micros.fetch_add(estimate, Ordering::Relaxed);
        let work = Work { task, kind, estimate, since: Instant::now() };
        self.queue.try_send(work).map_err(|refused| {
            load.is_done(estimate);
            match refused {
                TrySendError::Full(_) => HashError::Overloaded,
                TrySendError::Disconnected(_) => HashError::Stopped,
            }
        })
    }

    /// Counts jobs that no thread will ever do.
    #[cfg(test)]
    pub fn pretend_load(&self, jobs: usize, each: Duration) {
        self.load.pending.store(jobs, Ordering::Relaxed);
        let micros = each.as_micros() as u64 * jobs as u64;
        self.load.pending_micros.store(micros, Ordering::Relaxed);
    }
}

impl Load {
    fn is_done(&self, estimate: u64) {
        self.pending_micros.fetch_sub(estimate, Ordering::Relaxed);
        self.pending.fetch_sub(1, Ordering::Relaxed);
    }

    fn measured(&self, kind: HashKind, cost: Duration) {
        self.costs.record(kind, cost);
        self.stats.computed.fetch_add(1, Ordering::Relaxed);
        self.stats.cost.observe(cost.as_secs_f64());
    }
}

/// One hashing thread, until the last [`Lane`] is gone.
fn run_thread(queue: &Receiver<Work>, load: &Load, manner: &QueueSettings) {
    // A hash may wait for any other request, and no other request for a hash. Where the system does not let us,
    // all are equal.
    #[cfg(target_os = "linux")] // where it is of this thread alone, and not of the process
    let _ = rustix::process::setpriority_process(None, manner.nice);
    let params = &manner.params;
    let mut memory = argon2id::Memory::default();
    for Work { task, kind, estimate, since } in queue {
        if task.is_abandoned() {
            load.is_done(estimate);
        } else {
            load.stats.begun.fetch_add(1, Ordering::Relaxed);
            let started = Instant::now();
            load.stats.wait.observe(started.duration_since(since).as_secs_f64());
            // An answer that is not taken is no error: the request went away while its hash ran.
            match task {
                Task::Hash(password, answer) => {
                    let salt = crate::crypto::random::bytes::<16>();
                    let done = argon2id::hash(&mut memory, params, password.bytes(), &salt);
                    load.measured(kind, started.elapsed());
                    // Before the answer: the caller sees a queue without its own work.
                    load.is_done(estimate);
                    let _ = answer.send(done.map_err(HashError::Failed));
                }
                Task::Verify(password, stored, answer) => {
                    let right = argon2id::matches(&mut memory, &stored, password.bytes()) == Some(true);
                    load.measured(kind, started.elapsed());
                    let verdict = if right {
                        Verification::Valid { needs_rehash: !argon2id::is_current(&stored, params) }
                    } else {
                        Verification::Invalid
                    };
                    load.is_done(estimate);
                    let _ = answer.send(verdict);
                }
            }
            if !manner.keeps_memory {
                memory = argon2id::Memory::default();
            }
        }
    }
}
