//! Measures the cost of a password hash on this machine.

use super::argon2id::{self, Memory};
use super::backend::Backend;
use argon2::Params;
use std::time::{Duration, Instant};

/// Returns the hashes per second that `threads` threads compute together. Measures for about `time`, after one hash per
/// thread to warm up.
pub fn rate(params: &Params, backend: Backend, threads: usize, time: Duration) -> f64 {
    let backend = backend.checked(params);
    let hashed = |params: &Params| {
        let mut memory = Memory::new(backend);
        let mut hash = || argon2id::hash(&mut memory, params, b"plum tractor yesterday", &[7; 16]).is_ok();
        hash();
        let started = Instant::now();
        let mut count = 0.0;
        while started.elapsed() < time && hash() {
            count += 1.0;
        }
        count / started.elapsed().as_secs_f64()
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(|| hashed(params))).collect();
        threads.into_iter().filter_map(|thread| thread.join().ok()).sum()
    })
}
