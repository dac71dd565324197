//! Passwords: normalization, hashing and verification (Argon2id), and the policy for new ones.
//!
//! Hashing is by far the most expensive operation of the server. It runs on dedicated threads ([`Hasher`]), which keeps
//! it off the async threads and bounds its memory.

pub mod argon2id;
mod backend;
pub mod benchmark;
mod costs;
mod format_error;
mod hasher;
mod import;
mod kind;
pub mod legacy;
mod password;
mod policy;
mod turns;
pub mod verify;
mod work_queue;

pub use backend::Backend;
pub use format_error::HashFormatError;
pub use hasher::{Hasher, Turn};
pub use import::to_stored_form;
pub use kind::HashKind;
pub use password::Password;
pub use policy::PolicyViolation;
pub use verify::scheme;
pub use work_queue::{HashError, Verification};

use argon2::Params;

/// The minimum parameters for Argon2id with one lane, as KiB and passes, from OWASP's Password Storage Cheat Sheet. All
/// of them cost an attacker the same. The configuration rejects a setting below all of them.
pub const OWASP_MIN_PARAMS: [(u32, u32); 5] = [(47104, 1), (19456, 2), (12288, 3), (9216, 4), (7168, 5)];

/// Returns the parameters of new hashes: `memory_kib` KiB, `iterations` passes, one lane.
pub fn params(memory_kib: u32, iterations: u32) -> Result<Params, argon2::Error> {
    Params::new(memory_kib, iterations, 1, Some(Params::DEFAULT_OUTPUT_LEN))
}
