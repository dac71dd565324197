//! Hashes of other systems: bcrypt, scrypt and PBKDF2, for imported users. They are only verified; a successful login
//! replaces one by an Argon2id hash.

use super::format_error::HashFormatError;
use base64::alphabet::BCRYPT;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use sha2::{Sha256, Sha512};
use std::fmt;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// Maximum cost of a stored hash, so that an unusual one cannot occupy a thread for minutes.
const MAX_BCRYPT_COST: u32 = 16;
const MAX_SCRYPT_BYTES: u64 = 256 * 1024 * 1024;
const MAX_SCRYPT_LANES: u32 = 16;
const MAX_PBKDF2_ROUNDS: u32 = 5_000_000;
const MAX_OUTPUT_BYTES: usize = 64;

/// bcrypt ignores the rest of a longer password.
const BCRYPT_KEY_BYTES: usize = 72;
/// Some systems write random bits after the last byte of the salt.
const BCRYPT_BASE64: GeneralPurpose = GeneralPurpose::new(
    &BCRYPT,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true),
);

/// A parsed hash of another system.
pub enum LegacyHash {
    /// `$2b$12$…`, also `$2a$`, `$2x$` and `$2y$`
    Bcrypt {
        cost: u32,
        salt: [u8; 16],
        expected: [u8; 23],
        /// `$2x$`: made by crypt_blowfish before 1.1, which took bytes above 127 for negative numbers.
        has_sign_bug: bool,
    },
    /// `$scrypt$ln=17,r=8,p=1$salt$hash`
    Scrypt { params: scrypt::Params, salt: Vec<u8>, expected: Vec<u8> },
    /// `$pbkdf2-sha256$i=600000$salt$hash`, also `$pbkdf2-sha512$`, and without the `i=`
    Pbkdf2 { is_sha512: bool, rounds: u32, salt: Vec<u8>, expected: Vec<u8> },
}

impl LegacyHash {
    pub fn parse(stored: &str) -> Result<Self, HashFormatError> {
        let parts: Vec<&str> = stored.split('$').collect();
        match *parts {
            ["", version @ ("2a" | "2b" | "2x" | "2y"), cost, digest] => bcrypt(version, cost, digest),
            ["", "scrypt", params, salt, expected] => scrypt(params, salt, expected),
            ["", scheme @ ("pbkdf2-sha256" | "pbkdf2-sha512"), rounds, salt, expected] => {
                pbkdf2(scheme, rounds, salt, expected)
            }
            ["", "2a" | "2b" | "2x" | "2y" | "scrypt" | "pbkdf2-sha256" | "pbkdf2-sha512", ..] => {
                Err(HashFormatError::Malformed("it has too few or too many parts"))
            }
            _ => Err(HashFormatError::Unknown),
        }
    }

    pub fn matches(&self, password: &[u8]) -> bool {
        match self {
            Self::Bcrypt { cost, salt, expected, has_sign_bug } => {
                let key =
                    if *has_sign_bug { bcrypt_key_with_sign_bug(password) } else { bcrypt_key(password) };
                let output = bcrypt::bcrypt(*cost, *salt, &key);
                output.first_chunk::<23>().is_some_and(|output| output.ct_eq(expected).into())
            }
            Self::Scrypt { params, salt, expected } => {
                let mut output = vec![0; expected.len()];
                scrypt::scrypt(password, salt, params, &mut output).is_ok() && output.ct_eq(expected).into()
            }
            Self::Pbkdf2 { is_sha512, rounds, salt, expected } => {
                let mut output = vec![0; expected.len()];
                if *is_sha512 {
                    pbkdf2::pbkdf2_hmac::<Sha512>(password, salt, *rounds, &mut output);
                } else {
                    pbkdf2::pbkdf2_hmac::<Sha256>(password, salt, *rounds, &mut output);
                }
                output.ct_eq(expected).into()
            }
        }
    }
}

/// Writes the name of the scheme.
impl fmt::Display for LegacyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bcrypt { .. } => "bcrypt",
            Self::Scrypt { .. } => "scrypt",
            Self::Pbkdf2 { .. } => "pbkdf2",
        })
    }
}

fn bcrypt(version: &str, cost: &str, digest: &str) -> Result<LegacyHash, HashFormatError> {
    let malformed = HashFormatError::Malformed("bcrypt has a cost of two digits and then 53 characters");
    let decode = |text: Option<&str>| BCRYPT_BASE64.decode(text?).ok();
    let salt = decode(digest.get(..22)).and_then(|salt| salt.try_into().ok());
    let expected = decode(digest.get(22..)).and_then(|expected| expected.try_into().ok());
    let cost = (cost.len() == 2).then(|| number(cost)).flatten();
    let (Some(salt), Some(expected), Some(cost)) = (salt, expected, cost) else { return Err(malformed) };
    match cost {
        0..4 => Err(HashFormatError::Malformed("the cost of bcrypt is at least 04")),
        4..=MAX_BCRYPT_COST => Ok(LegacyHash::Bcrypt { cost, salt, expected, has_sign_bug: version == "2x" }),
        _ => Err(HashFormatError::TooExpensive),
    }
}

fn scrypt(params: &str, salt: &str, expected: &str) -> Result<LegacyHash, HashFormatError> {
    let param = |name| params.split(',').find_map(|part| number(part.strip_prefix(name)?.strip_prefix('=')?));
    let (Some(log_n), Some(r), Some(p)) = (param("ln"), param("r"), param("p")) else {
        return Err(HashFormatError::Malformed("scrypt needs the parameters ln, r and p"));
    };
    // Checked before `scrypt::Params::new`, whose own check overflows.
    if log_n >= 32 || u64::from(r) << log_n > MAX_SCRYPT_BYTES / 128 || p > MAX_SCRYPT_LANES {
        return Err(HashFormatError::TooExpensive);
    }
    let params = u8::try_from(log_n).ok().and_then(|log_n| scrypt::Params::new(log_n, r, p).ok());
    let params = params.ok_or(HashFormatError::Malformed("the parameters of scrypt are invalid"))?;
    let (salt, expected) = salt_and_output(salt, expected)?;
    Ok(LegacyHash::Scrypt { params, salt, expected })
}

fn pbkdf2(scheme: &str, rounds: &str, salt: &str, expected: &str) -> Result<LegacyHash, HashFormatError> {
    let mut params = rounds.split(',');
    let rounds = params.find_map(|part| number(part.strip_prefix("i=")?)).or_else(|| number(rounds));
    let rounds = rounds.ok_or(HashFormatError::Malformed("the number of rounds is missing"))?;
    if rounds > MAX_PBKDF2_ROUNDS {
        return Err(HashFormatError::TooExpensive);
    }
    if rounds == 0 {
        return Err(HashFormatError::Malformed("the number of rounds is 0"));
    }
    let (salt, expected) = salt_and_output(salt, expected)?;
    Ok(LegacyHash::Pbkdf2 { is_sha512: scheme == "pbkdf2-sha512", rounds, salt, expected })
}

/// Decodes salt and output.
fn salt_and_output(salt: &str, expected: &str) -> Result<(Vec<u8>, Vec<u8>), HashFormatError> {
    let (Some(salt), Some(expected)) = (bytes(salt), bytes(expected)) else {
        return Err(HashFormatError::Malformed("salt and hash must be in Base64"));
    };
    if !(10..=MAX_OUTPUT_BYTES).contains(&expected.len()) {
        return Err(HashFormatError::Malformed("the hash must have 10 to 64 bytes"));
    }
    Ok((salt, expected))
}

/// Parses a decimal number without a sign.
fn number(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// Decodes Base64 with or without padding. Python's passlib writes `.` in place of `+`.
fn bytes(text: &str) -> Option<Vec<u8>> {
    STANDARD_NO_PAD.decode(text.replace('.', "+").trim_end_matches('=')).ok()
}

/// Returns the key of bcrypt: the password with a NUL at its end, cut at [`BCRYPT_KEY_BYTES`].
fn bcrypt_key(password: &[u8]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(password.iter().copied().chain([0]).take(BCRYPT_KEY_BYTES).collect())
}

/// Returns the key that bcrypt's correct key setup reads as the faulty one read `password`: bcrypt repeats the key up to
/// [`BCRYPT_KEY_BYTES`] bytes and takes them as words of four. In the faulty setup a byte above 127 set all bits before
/// it in its word.
fn bcrypt_key_with_sign_bug(password: &[u8]) -> Zeroizing<Vec<u8>> {
    let repeated = password.iter().copied().chain([0]).cycle().take(BCRYPT_KEY_BYTES);
    let repeated: Zeroizing<Vec<u8>> = Zeroizing::new(repeated.collect());
    let word = |bytes: &[u8]| {
        bytes.iter().fold(0, |word: u32, byte| (word << 8) | i32::from(byte.cast_signed()).cast_unsigned())
    };
    Zeroizing::new(repeated.chunks(4).flat_map(|bytes| word(bytes).to_be_bytes()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(stored: &str, password: &str) -> Option<bool> {
        LegacyHash::parse(stored).ok().map(|foreign| foreign.matches(password.as_bytes()))
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

    /// By libxcrypt.
    #[test]
    fn bcrypt_with_sign_bug_matches_non_ascii_password() {
        for (stored, password) in [
            ("$2y$04$abcdefghijklmnopqrstuuK0ex9kKf.rqkpoZoON7YUnC2v.xJuSa", "caf\u{e9} horse"),
            ("$2x$04$abcdefghijklmnopqrstuuo2q/8hx.598qqQk/S5EoW13chFjDj9m", "caf\u{e9} horse"),
            ("$2x$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e", "correct horse"),
        ] {
            assert_eq!(verdict(stored, password), Some(true), "{stored}");
            assert_eq!(verdict(stored, "caf\u{ea} horse"), Some(false), "{stored}");
        }
    }

    /// By libxcrypt.
    #[test]
    fn bcrypt_compares_the_first_72_bytes() {
        for version in ["2a", "2b", "2x", "2y"] {
            let stored = format!("${version}$04$abcdefghijklmnopqrstuubzadhGtS2zEF.gu0yd0opP6cVzb.e0i");
            assert_eq!(verdict(&stored, &"x".repeat(100)), Some(true));
            assert_eq!(verdict(&stored, &"x".repeat(72)), Some(true));
            assert_eq!(verdict(&stored, &"x".repeat(71)), Some(false));
        }
    }

    /// The last character of the salt has four bits that bcrypt does not use.
    #[test]
    fn bcrypt_ignores_unused_bits_of_the_salt() {
        let stored = "$2b$04$abcdefghijklmnopqrstuvjydOTSfIH/d5oUHpsygqV5X9xJLQc6e";
        assert_eq!(verdict(stored, "correct horse"), Some(true));
    }

    #[test]
    fn malformed_or_excessive_foreign_hash_is_rejected() {
        for stored in HASHES {
            assert!(LegacyHash::parse(&stored[1..]).is_err());
            assert!(LegacyHash::parse(&format!("{stored}$x")).is_err());
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
            assert!(LegacyHash::parse(&stored).is_err(), "{stored}");
        }
    }
}
