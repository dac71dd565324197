//! Hashes of other systems: bcrypt, scrypt and PBKDF2, for imported users. They are only verified; a successful login
//! replaces one by an Argon2id hash.

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use sha2::{Sha256, Sha512};
use std::fmt;
use subtle::ConstantTimeEq as _;

/// Maximum cost of a stored hash, so that an unusual one cannot occupy a thread for minutes.
const MAX_BCRYPT_COST: u32 = 16;
const MAX_SCRYPT_BYTES: u64 = 256 * 1024 * 1024;
const MAX_SCRYPT_LANES: u32 = 16;
const MAX_PBKDF2_ROUNDS: u32 = 5_000_000;
const MAX_OUTPUT_BYTES: usize = 64;

/// A parsed hash of another system.
pub enum LegacyHash<'a> {
    /// `$2b$12$…`, also `$2a$`, `$2x$` and `$2y$`
    Bcrypt(&'a str),
    /// `$scrypt$ln=17,r=8,p=1$salt$hash`
    Scrypt { params: scrypt::Params, salt: Vec<u8>, expected: Vec<u8> },
    /// `$pbkdf2-sha256$i=600000$salt$hash`, also `$pbkdf2-sha512$`, and without the `i=`
    Pbkdf2 { is_sha512: bool, rounds: u32, salt: Vec<u8>, expected: Vec<u8> },
}

impl<'a> LegacyHash<'a> {
    pub fn parse(stored: &'a str) -> Option<Self> {
        let mut parts = stored.strip_prefix('$')?.split('$');
        let (scheme, params) = (parts.next()?, parts.next()?);
        if matches!(scheme, "2a" | "2b" | "2x" | "2y") {
            let rest = parts.next()?;
            let is_whole = rest.len() == 53
                && rest.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'/'))
                && parts.next().is_none();
            let cost: u32 = params.parse().ok()?;
            return (is_whole && params.len() == 2 && (4..=MAX_BCRYPT_COST).contains(&cost))
                .then_some(Self::Bcrypt(stored));
        }
        let (salt, expected) = (bytes(parts.next()?)?, bytes(parts.next()?)?);
        if parts.next().is_some() || !(10..=MAX_OUTPUT_BYTES).contains(&expected.len()) {
            return None;
        }
        match scheme {
            "scrypt" => {
                let (log_n, r, p) = (number(params, "ln")?, number(params, "r")?, number(params, "p")?);
                // Checked before `scrypt::Params::new`, whose own check overflows.
                let fits =
                    log_n < 32 && u64::from(r) << log_n <= MAX_SCRYPT_BYTES / 128 && p <= MAX_SCRYPT_LANES;
                let params = || scrypt::Params::new(u8::try_from(log_n).ok()?, r, p).ok();
                let params = fits.then(params)??;
                Some(Self::Scrypt { params, salt, expected })
            }
            "pbkdf2-sha256" | "pbkdf2-sha512" => {
                let rounds = number(params, "i").or_else(|| params.parse().ok())?;
                (1..=MAX_PBKDF2_ROUNDS).contains(&rounds).then_some(Self::Pbkdf2 {
                    is_sha512: scheme == "pbkdf2-sha512",
                    rounds,
                    salt,
                    expected,
                })
            }
            _ => None,
        }
    }

    pub fn matches(&self, password: &[u8]) -> bool {
        let expected = match self {
            Self::Bcrypt(stored) => return bcrypt::verify(password, stored).unwrap_or(false),
            Self::Scrypt { expected, .. } | Self::Pbkdf2 { expected, .. } => expected,
        };
        let mut output = vec![0; expected.len()];
        match self {
            Self::Bcrypt(_) => return false,
            Self::Scrypt { params, salt, .. } => {
                if scrypt::scrypt(password, salt, params, &mut output).is_err() {
                    return false;
                }
            }
            Self::Pbkdf2 { is_sha512: true, rounds, salt, .. } => {
                pbkdf2::pbkdf2_hmac::<Sha512>(password, salt, *rounds, &mut output);
            }
            Self::Pbkdf2 { rounds, salt, .. } => {
                pbkdf2::pbkdf2_hmac::<Sha256>(password, salt, *rounds, &mut output);
            }
        }
        output.ct_eq(expected).into()
    }
}

/// Writes the name of the scheme.
impl fmt::Display for LegacyHash<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bcrypt(_) => "bcrypt",
            Self::Scrypt { .. } => "scrypt",
            Self::Pbkdf2 { .. } => "pbkdf2",
        })
    }
}

/// Returns the number after `name=` in a list like `ln=17,r=8,p=1`.
fn number(params: &str, name: &str) -> Option<u32> {
    params.split(',').find_map(|part| part.strip_prefix(name)?.strip_prefix('=')?.parse().ok())
}

/// Decodes Base64 with or without padding. Python's passlib writes `.` in place of `+`.
fn bytes(text: &str) -> Option<Vec<u8>> {
    STANDARD_NO_PAD.decode(text.replace('.', "+").trim_end_matches('=')).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(stored: &str, password: &str) -> Option<bool> {
        LegacyHash::parse(stored).map(|foreign| foreign.matches(password.as_bytes()))
    }

    /// Created by Python's hashlib and bcrypt, independently of the crates under test.
    const HASHES: [&str; 6] = [
        "$2a$04$NLXaAhfSt2UvhI8uImQxeeMIGBw1lIKh1CTIxAfoet.BsN5RIps3u",
        "$2y$04$00y8icoxHn7Iqep8OHKq6OPPBMpsueaE4Zgzvd64iK2/FWOpbLXEq",
        "$scrypt$ln=8,r=8,p=1$AAECAwQFBgcICQoLDA0ODw$W6uXFntaQULZth9xzFaPbripaD3jOtBk0fCyCCkoi0s",
        "$pbkdf2-sha256$i=1000,l=32$AAECAwQFBgcICQoLDA0ODw$yRTMTwbMbo9G0VfjobWqerzuuxe7BETNTErBbKKumGQ",
        "$pbkdf2-sha256$1200$./v7./v7./v7./v7./v7.w$WyQ33RJ9cI136xTUdSJUBse1eNXAiGGu5SzSJKtBqgQ",
        "$pbkdf2-sha512$i=1000$AAECAwQFBgcICQoLDA0ODw$Xpx07WjVx4vCIvrmBRj8uOoVVtGqJqtUv2J5bhizSQs7osCteF7W4A61dZDqSIqQjO+dxO6p5FT/Uy7QRBXSXA",
    ];

    #[test]
    fn foreign_hash_matches_only_its_password() {
        for stored in HASHES {
            assert_eq!(verdict(stored, "correct horse"), Some(true), "{stored}");
            assert_eq!(verdict(stored, "Correct horse"), Some(false), "{stored}");
        }
    }

    #[test]
    fn malformed_or_excessive_foreign_hash_is_rejected() {
        for stored in HASHES {
            assert!(LegacyHash::parse(&stored[1..]).is_none());
            assert!(LegacyHash::parse(&format!("{stored}$x")).is_none());
        }
        let salt = "c2FsdHNhbHRzYWx0c2FsdA$c2FsdHNhbHRzYWx0c2FsdHNhbHRzYWx0c2FsdHNhbHQ";
        for stored in [
            format!("$scrypt$ln=30,r=8,p=1${salt}"),
            format!("$scrypt$ln=255,r=8,p=1${salt}"),
            format!("$scrypt$ln=14,r=4294967295,p=1${salt}"),
            format!("$scrypt$ln=14,r=8,p=4294967295${salt}"),
            format!("$scrypt$r=8,p=1${salt}"),
            format!("$pbkdf2-sha256$i=99999999${salt}"),
            format!("$pbkdf2-sha256$i=0${salt}"),
            format!("$pbkdf2-md5$i=1000${salt}"),
            "$pbkdf2-sha256$i=1000$c2FsdA$".to_owned(),
            "$2b$31$abcdefghijklmnopqrstuuabcdefghijklmnopqrstuabcdefghijk".to_owned(),
            "$2b$12$short".to_owned(),
            "$1$salt$hash".to_owned(),
            String::new(),
        ] {
            assert!(LegacyHash::parse(&stored).is_none(), "{stored}");
        }
    }
}
