//! Kinds of stored hashes: scheme and parameters, which determine the cost of a check.
//!
//! The patterns of the hashes are in `legacy.rs` (bcrypt, scrypt, PBKDF2) and `argon2id.rs`, and those that only
//! an import accepts in `import.rs`.

use super::argon2id;
use super::format_error::HashFormatError;
use super::legacy::LegacyHash;
use argon2::Params;

/// Maximum work of a check, in [`HashKind::units`]: about two seconds of a processor.
const MAX_ARGON2_UNITS: u64 = 16 * 256 * 1024;
const MAX_BCRYPT_UNITS: u64 = 1 << 15;
const MAX_SCRYPT_UNITS: u64 = 1 << 22;
const MAX_PBKDF2_UNITS: u64 = 2_500_000;

/// Base64 of 16 and of 32 zero bytes.
const SALT: &str = "AAAAAAAAAAAAAAAAAAAAAA";
const OUTPUT: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// The scheme and parameters of a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HashKind {
    Argon2 {
        /// Argon2id, version 1.3, one lane: the form of new hashes.
        is_own_form: bool,
        memory_kib: u32,
        passes: u32,
    },
    Bcrypt {
        cost: u32,
    },
    Scrypt {
        log_n: u8,
        r: u32,
        p: u32,
    },
    Pbkdf2 {
        is_sha512: bool,
        rounds: u32,
        /// Output blocks, each of which takes all rounds.
        blocks: u32,
    },
}

/// A hash scheme, whose cost is proportional to [`HashKind::units`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    OwnArgon2,
    OtherArgon2,
    Bcrypt,
    Scrypt,
    Pbkdf2Sha256,
    Pbkdf2Sha512,
}

impl HashKind {
    /// Returns the kind of new hashes with these parameters.
    pub fn of_new(params: &Params) -> Self {
        Self::Argon2 { is_own_form: true, memory_kib: params.m_cost(), passes: params.t_cost() }
    }

    /// Returns the kind of a stored hash, or `None` if it cannot be verified.
    pub fn of(stored: &str) -> Option<Self> {
        Self::parse(stored).ok()
    }

    /// Returns the kind of a stored hash.
    ///
    /// # Errors
    /// If the hash cannot be verified, or the work exceeds the maximum.
    pub fn parse(stored: &str) -> Result<Self, HashFormatError> {
        let kind = match LegacyHash::parse(stored) {
            Ok(LegacyHash::Bcrypt { cost, .. }) => Self::Bcrypt { cost },
            Ok(LegacyHash::Scrypt { params, .. }) => {
                Self::Scrypt { log_n: params.log_n(), r: params.r(), p: params.p() }
            }
            Ok(LegacyHash::Pbkdf2 { is_sha512, rounds, expected, .. }) => {
                // The output has at most 64 bytes.
                let blocks = if !is_sha512 && expected.len() > 32 { 2 } else { 1 };
                Self::Pbkdf2 { is_sha512, rounds, blocks }
            }
            Err(HashFormatError::Unknown) => {
                let (argon2, _, _) = argon2id::parse(stored)?;
                let params = argon2.params();
                Self::Argon2 {
                    is_own_form: argon2id::has_own_format(stored, params),
                    memory_kib: params.m_cost(),
                    passes: params.t_cost(),
                }
            }
            Err(error) => return Err(error),
        };
        if kind.units() > kind.max_units() { Err(HashFormatError::TooExpensive) } else { Ok(kind) }
    }

    /// Returns whether another system may have made the hash, of a password in another normal form.
    pub fn is_foreign(self) -> bool {
        !matches!(self, Self::Argon2 { is_own_form: true, .. })
    }

    /// Returns a hash of this kind that matches no password. It is stored as the name of the kind, and checked to measure
    /// the cost.
    pub fn sample(self) -> String {
        match self {
            Self::Argon2 { is_own_form, memory_kib, passes } => {
                // All other versions and lane counts run the same code at the same cost.
                let version = if is_own_form { 19 } else { 16 };
                format!("$argon2id$v={version}$m={memory_kib},t={passes},p=1${SALT}${OUTPUT}")
            }
            Self::Bcrypt { cost } => format!("$2b${cost:02}${}", ".".repeat(53)),
            Self::Scrypt { log_n, r, p } => format!("$scrypt$ln={log_n},r={r},p={p}${SALT}${OUTPUT}"),
            Self::Pbkdf2 { is_sha512, rounds, blocks } => {
                let (name, output) = match (is_sha512, blocks) {
                    (false, 1) => ("sha256", OUTPUT.to_owned()),
                    (false, _) => ("sha256", "A".repeat(86)),
                    (true, _) => ("sha512", "A".repeat(86)),
                };
                format!("$pbkdf2-{name}$i={rounds}${SALT}${output}")
            }
        }
    }

    /// Returns whether a check runs on the legacy threads: another scheme, or more work or memory than a new hash with
    /// these parameters.
    pub fn is_legacy(self, params: &Params) -> bool {
        match self {
            Self::Argon2 { is_own_form: true, memory_kib, .. } => {
                memory_kib > params.m_cost() || self.units() > Self::of_new(params).units()
            }
            _ => true,
        }
    }

    /// Returns the work of a check in units of its scheme.
    pub fn units(self) -> u64 {
        match self {
            Self::Argon2 { memory_kib, passes, .. } => u64::from(memory_kib) * u64::from(passes),
            Self::Bcrypt { cost } => 1 << cost.min(63),
            Self::Scrypt { log_n, r, p } => {
                u64::from(r).saturating_mul(p.into()).saturating_mul(1 << log_n.min(63))
            }
            Self::Pbkdf2 { rounds, blocks, .. } => u64::from(rounds) * u64::from(blocks),
        }
    }

    fn max_units(self) -> u64 {
        match self {
            Self::Argon2 { .. } => MAX_ARGON2_UNITS,
            Self::Bcrypt { .. } => MAX_BCRYPT_UNITS,
            Self::Scrypt { .. } => MAX_SCRYPT_UNITS,
            Self::Pbkdf2 { .. } => MAX_PBKDF2_UNITS,
        }
    }

    pub fn scheme(self) -> Scheme {
        match self {
            Self::Argon2 { is_own_form: true, .. } => Scheme::OwnArgon2,
            Self::Argon2 { .. } => Scheme::OtherArgon2,
            Self::Bcrypt { .. } => Scheme::Bcrypt,
            Self::Scrypt { .. } => Scheme::Scrypt,
            Self::Pbkdf2 { is_sha512: false, .. } => Scheme::Pbkdf2Sha256,
            Self::Pbkdf2 { .. } => Scheme::Pbkdf2Sha512,
        }
    }
}

impl Scheme {
    /// Returns the assumed nanoseconds per unit before the first measurement, those of a slow processor.
    pub fn default_rate(self) -> f64 {
        match self {
            Self::OwnArgon2 | Self::OtherArgon2 => 600.0,
            Self::Bcrypt => 80_000.0,
            Self::Scrypt => 400.0,
            Self::Pbkdf2Sha256 | Self::Pbkdf2Sha512 => 900.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::passwords::verify;

    #[test]
    fn sample_hash_is_of_its_kind_and_matches_nothing() {
        for kind in [
            HashKind::Argon2 { is_own_form: true, memory_kib: 64, passes: 2 },
            HashKind::Argon2 { is_own_form: false, memory_kib: 64, passes: 1 },
            HashKind::Bcrypt { cost: 4 },
            HashKind::Scrypt { log_n: 4, r: 8, p: 2 },
            HashKind::Pbkdf2 { is_sha512: false, rounds: 7, blocks: 1 },
            HashKind::Pbkdf2 { is_sha512: false, rounds: 7, blocks: 2 },
            HashKind::Pbkdf2 { is_sha512: true, rounds: 7, blocks: 1 },
        ] {
            let sample = kind.sample();
            assert_eq!(HashKind::of(&sample), Some(kind), "{sample}");
            let mut memory = argon2id::Memory::default();
            assert_eq!(verify::matches(&mut memory, &sample, b"password"), Ok(false), "{sample}");
        }
    }

    #[test]
    fn hash_over_cost_limit_is_rejected() {
        let argon2 = |memory_kib, passes| HashKind::Argon2 { is_own_form: true, memory_kib, passes };
        let scrypt = |log_n, p| HashKind::Scrypt { log_n, r: 8, p };
        let pbkdf2 = |rounds, blocks| HashKind::Pbkdf2 { is_sha512: false, rounds, blocks };
        for (largest, too_large) in [
            (argon2(262_144, 16), argon2(262_144, 17)),
            (argon2(262_144, 16), argon2(262_145, 1)),
            (HashKind::Bcrypt { cost: 15 }, HashKind::Bcrypt { cost: 16 }),
            (scrypt(18, 2), scrypt(18, 3)),
            (pbkdf2(2_500_000, 1), pbkdf2(2_500_001, 1)),
            (pbkdf2(1_250_000, 2), pbkdf2(1_250_001, 2)),
        ] {
            assert_eq!(HashKind::of(&largest.sample()), Some(largest));
            assert!(HashKind::of(&too_large.sample()).is_none(), "{too_large:?}");
        }
    }

    #[test]
    fn legacy_hash_is_foreign_or_costlier_than_new() {
        let params = crate::passwords::params(128, 2).unwrap();
        let own = |memory_kib, passes| HashKind::Argon2 { is_own_form: true, memory_kib, passes };
        for (kind, is_legacy) in [
            (own(128, 2), false),
            (own(64, 4), false),
            (own(64, 5), true),
            (own(256, 1), true),
            (HashKind::Argon2 { is_own_form: false, memory_kib: 64, passes: 1 }, true),
            (HashKind::Bcrypt { cost: 4 }, true),
        ] {
            assert_eq!(kind.is_legacy(&params), is_legacy, "{kind:?}");
        }
    }
}
