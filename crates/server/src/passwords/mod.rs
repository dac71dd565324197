//! Passwords: how they are normalised, hashed and verified (Argon2id), and what a new one must be.
//!
//! Hashing is the one costly thing that this server does. It happens on a few threads of its own
//! ([`pool`]), so that no async thread ever waits for it and its memory has a bound. Knows nothing of
//! users, sessions or requests.

mod hash;
mod pool;

pub use pool::{HashError, Hasher, Verdict};

use argon2::Params;
use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

/// The longest password that can be chosen, in code points. NIST SP 800-63B-4, 3.1.1.2, asks for at
/// least 64.
pub const MAX_CHARS: usize = 128;

/// A password as it is hashed: normalised to NFC, so that the same letters typed on another system
/// are the same password (NIST SP 800-63B-4, 3.1.1.2), and never cut. Wiped when dropped.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

impl Password {
    pub fn new(typed: &str) -> Self {
        Self(Zeroizing::new(typed.nfc().collect()))
    }

    fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// Whether this may become somebody's password. Asked when a password is set, never at sign-in:
    /// a stricter policy must not lock out those who chose earlier.
    pub fn check(&self, min_chars: usize) -> Result<(), Weakness> {
        let chars = self.0.chars().count();
        if chars < min_chars {
            Err(Weakness::TooShort { min_chars })
        } else if chars > MAX_CHARS {
            Err(Weakness::TooLong)
        } else if self.0.chars().any(|c| c == '\0') {
            Err(Weakness::Unusable)
        } else {
            Ok(())
        }
    }
}

/// Why a password may not be chosen, for the person who chose it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Weakness {
    #[error("The password is too short: it needs at least {min_chars} characters.")]
    TooShort { min_chars: usize },
    #[error("The password is too long: it may have {MAX_CHARS} characters.")]
    TooLong,
    #[error("The password has a character that no keyboard types.")]
    Unusable,
}

/// The smallest choice of parameters that OWASP's Password Storage Cheat Sheet gives for Argon2id with
/// one lane: the same cost for an attacker, in less memory and more passes. A setting below is refused.
pub const MIN_MEMORY_KIB: u32 = 7168;

/// The parameters of new hashes: `memory_kib` KiB, `iterations` passes, one lane.
pub fn params(memory_kib: u32, iterations: u32) -> Result<Params, argon2::Error> {
    Params::new(memory_kib, iterations, 1, Some(Params::DEFAULT_OUTPUT_LEN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_the_same_however_its_accents_are_typed() {
        assert_eq!(Password::new("caf\u{e9}").bytes(), Password::new("cafe\u{301}").bytes());
        assert_ne!(Password::new("cafe").bytes(), Password::new("caf\u{e9}").bytes());
    }

    #[test]
    fn a_password_is_never_cut_or_trimmed() {
        let long = "x".repeat(100) + " ";
        assert_eq!(Password::new(&long).bytes(), long.as_bytes());
    }

    #[test]
    fn length_is_counted_in_code_points() {
        assert_eq!(Password::new(&"ü".repeat(14)).check(15), Err(Weakness::TooShort { min_chars: 15 }));
        assert_eq!(Password::new(&"ü".repeat(15)).check(15), Ok(()));
        assert_eq!(Password::new(&"ü".repeat(128)).check(15), Ok(()));
        assert_eq!(Password::new(&"ü".repeat(129)).check(15), Err(Weakness::TooLong));
        assert_eq!(Password::new("fifteen or more\0").check(15), Err(Weakness::Unusable));
    }
}
