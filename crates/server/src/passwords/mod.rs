//! Passwords: normalization, hashing and verification (Argon2id), and the policy for new ones.
//!
//! Hashing is by far the most expensive operation of the server. It runs on dedicated threads ([`Hasher`]), which keeps
//! it off the async threads and bounds its memory.

pub mod argon2id;
pub mod benchmark;
mod costs;
mod hasher;
mod kind;
pub mod legacy;
mod policy;
#[cfg(feature = "argon2-simd")]
mod simd;
mod turns;
mod work_queue;

pub use argon2id::scheme;
pub use hasher::{Hasher, Turn};
pub use kind::HashKind;
pub use policy::PolicyViolation;
pub use work_queue::{HashError, Verification};

use argon2::Params;
use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

/// A password, normalized to NFC so that the same characters typed on another system are the same password (NIST SP
/// 800-63B-4, 3.1.1.2). It is never truncated or trimmed, and wiped on drop.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

impl Password {
    pub fn new(typed: &str) -> Self {
        Self(Zeroizing::new(typed.nfc().collect()))
    }

    fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// The minimum parameters for Argon2id with one lane, as KiB and passes, from OWASP's Password Storage Cheat Sheet. All
/// of them cost an attacker the same. The configuration rejects a setting below all of them.
pub const OWASP_MIN_PARAMS: [(u32, u32); 5] = [(47104, 1), (19456, 2), (12288, 3), (9216, 4), (7168, 5)];

/// Returns the parameters of new hashes: `memory_kib` KiB, `iterations` passes, one lane.
pub fn params(memory_kib: u32, iterations: u32) -> Result<Params, argon2::Error> {
    Params::new(memory_kib, iterations, 1, Some(Params::DEFAULT_OUTPUT_LEN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn password_is_normalized_to_nfc() {
        assert_eq!(Password::new("caf\u{e9}").bytes(), Password::new("cafe\u{301}").bytes());
        assert_ne!(Password::new("cafe").bytes(), Password::new("caf\u{e9}").bytes());
    }

    #[test]
    fn password_is_never_truncated_or_trimmed() {
        let long = "x".repeat(100) + " ";
        assert_eq!(Password::new(&long).bytes(), long.as_bytes());
    }
}
