//! Converts password hashes of other systems into the form that is stored.

use super::argon2id::{self, IMPORTED};
use super::format_error::HashFormatError;
use super::kind::HashKind;
use base64::{Engine as _, engine::general_purpose::STANDARD, engine::general_purpose::STANDARD_NO_PAD};
use std::borrow::Cow;
use std::fmt::Display;

const SHA1: HashFormatError =
    HashFormatError::Unsupported("pbkdf2 with SHA-1 is not supported, only with SHA-256 and SHA-512");
const PREHASHED: HashFormatError =
    HashFormatError::Unsupported("bcrypt of a pre-hashed password is not supported");
const DAMAGED_NUMBER: HashFormatError = HashFormatError::Malformed("a number is missing or invalid");
const DAMAGED_BYTES: HashFormatError = HashFormatError::Malformed("salt or hash cannot be decoded");

/// Base64 of crypt(3).
const CRYPT64: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Returns the form of a hash that is stored, from the form of the system that exported it.
///
/// # Errors
/// If the hash cannot be verified.
pub fn to_stored_form(exported: &str) -> Result<String, HashFormatError> {
    let stored = rewrite(&strip_scheme(exported)?)?;
    HashKind::parse(&stored)?;
    let is_like_own = argon2id::parse(&stored)
        .is_ok_and(|(argon2, _, _)| argon2id::has_own_format(&stored, argon2.params()));
    Ok(if is_like_own { format!("{IMPORTED}{stored}") } else { stored })
}

/// Removes the name of the scheme that LDAP, Dovecot, Spring Security (`{BCRYPT}$2y$…`) and Django (`bcrypt$$2b$…`) put
/// before a hash.
fn strip_scheme(exported: &str) -> Result<Cow<'_, str>, HashFormatError> {
    if let Some(hash) = exported.strip_prefix("bcrypt$") {
        return Ok(hash.into());
    }
    // Django's argon2$argon2id$…: the second part begins with the dollar sign.
    if let Some(hash) = exported.strip_prefix("argon2").filter(|hash| hash.starts_with("$argon2")) {
        return Ok(hash.into());
    }
    let Some((scheme, hash)) = exported.strip_prefix('{').and_then(|rest| rest.split_once('}')) else {
        return Ok(exported.into());
    };
    let (scheme, version) = scheme.split_once('@').unwrap_or((scheme, ""));
    match (scheme.to_ascii_uppercase().as_str(), version) {
        ("BCRYPT" | "BLF-CRYPT" | "CRYPT" | "IMPORTED" | "ARGON2I" | "ARGON2ID", "") => Ok(hash.into()),
        ("ARGON2" | "SCRYPT", _) => Ok(hash.into()),
        ("PBKDF2", "SpringSecurity_v5_8") => spring_pbkdf2(hash).map(Cow::Owned),
        // LDAP: {PBKDF2-SHA256}rounds$salt$hash
        ("PBKDF2-SHA256", "") => Ok(format!("$pbkdf2-sha256${hash}").into()),
        ("PBKDF2-SHA512", "") => Ok(format!("$pbkdf2-sha512${hash}").into()),
        ("PBKDF2" | "PBKDF2-SHA" | "PBKDF2-SHA1", _) => Err(SHA1),
        _ => Err(HashFormatError::Unknown),
    }
}

/// Rewrites a hash with Spring Security's defaults since its version 5.8: PBKDF2 with SHA-256 and 310,000 rounds, in hex,
/// after a salt of 16 bytes.
fn spring_pbkdf2(hash: &str) -> Result<String, HashFormatError> {
    let bytes = hex::decode(hash).map_err(|_| DAMAGED_BYTES)?;
    let (salt, hash) = bytes.split_at_checked(16).ok_or(DAMAGED_BYTES)?;
    Ok(pbkdf2("sha256", 310_000, salt, &STANDARD_NO_PAD.encode(hash)))
}

fn rewrite(exported: &str) -> Result<String, HashFormatError> {
    if exported.starts_with("AQAAAA") && !exported.contains('$') {
        return identity(exported);
    }
    match *exported.split('$').collect::<Vec<_>>() {
        // Django
        ["pbkdf2_sha256", rounds, salt, hash] => Ok(pbkdf2("sha256", rounds, salt.as_bytes(), hash)),
        ["pbkdf2_sha1", ..] | ["", "pbkdf2" | "p5k2", ..] => Err(SHA1),
        ["scrypt", n, salt, r, p, hash] => Ok(scrypt(log2(n)?, r, p, salt.as_bytes(), hash)),
        ["bcrypt_sha256", ..] | ["", "bcrypt-sha256" | "wp", ..] => Err(PREHASHED),
        // Werkzeug: the salt is text, and the hash is in hex
        [method, salt, hash] if method.starts_with("pbkdf2:") || method.starts_with("scrypt:") => {
            let hash = || Ok(STANDARD_NO_PAD.encode(hex::decode(hash).map_err(|_| DAMAGED_BYTES)?));
            match *method.split(':').collect::<Vec<_>>() {
                ["pbkdf2", digest @ ("sha256" | "sha512"), rounds] => {
                    Ok(pbkdf2(digest, rounds, salt.as_bytes(), &hash()?))
                }
                ["pbkdf2", "sha1", ..] => Err(SHA1),
                ["scrypt", n, r, p] => Ok(scrypt(log2(n)?, r, p, salt.as_bytes(), &hash()?)),
                _ => Err(HashFormatError::Unknown),
            }
        }
        // Spring Security: {scrypt}$e0801$salt$hash. Java's and C's libraries: $s0$…, $s1$…
        ["", params, salt, hash] | ["", "s0" | "s1", params, salt, hash] if is_scrypt_params(params) => {
            let params = u32::from_str_radix(params, 16).map_err(|_| DAMAGED_NUMBER)?;
            let salt = STANDARD.decode(salt).map_err(|_| DAMAGED_BYTES)?;
            Ok(scrypt(params >> 16, (params >> 8) & 0xff, params & 0xff, &salt, hash))
        }
        ["", "7", settings_and_salt, hash] => crypt_scrypt(settings_and_salt, hash),
        // Ory Kratos writes N where others write its logarithm.
        ["", "scrypt", params, salt, hash] => {
            let params =
                params.split(',').map(|param| match param.strip_prefix("ln=").map(str::parse::<u64>) {
                    Some(Ok(n)) if n >= 32 && n.is_power_of_two() => format!("ln={}", n.ilog2()),
                    _ => param.to_owned(),
                });
            Ok(format!("$scrypt${}${salt}${hash}", params.collect::<Vec<_>>().join(",")))
        }
        ["", "2", ..] => {
            Err(HashFormatError::Unsupported("bcrypt of its first version ($2$) is not supported"))
        }
        // Without the padding that some systems add
        ["", argon2, .., salt, hash] if argon2.starts_with("argon2") => {
            let rest = exported.len() - salt.len() - hash.len() - 1;
            let params = exported.get(..rest).unwrap_or_default();
            Ok(format!("{params}{}${}", salt.trim_end_matches('='), hash.trim_end_matches('=')))
        }
        _ => Ok(exported.to_owned()),
    }
}

fn pbkdf2(digest: &str, rounds: impl Display, salt: &[u8], hash: &str) -> String {
    format!("$pbkdf2-{digest}$i={rounds}${}${hash}", STANDARD_NO_PAD.encode(salt))
}

fn scrypt(log_n: u32, r: impl Display, p: impl Display, salt: &[u8], hash: &str) -> String {
    format!("$scrypt$ln={log_n},r={r},p={p}${}${hash}", STANDARD_NO_PAD.encode(salt))
}

/// Returns the logarithm of scrypt's parameter N.
fn log2(n: &str) -> Result<u32, HashFormatError> {
    let n: u64 = n.parse().map_err(|_| DAMAGED_NUMBER)?;
    if n.is_power_of_two() { Ok(n.ilog2()) } else { Err(HashFormatError::Malformed("N is not a power of 2")) }
}

/// Rewrites a hash of ASP.NET Core Identity, version 3: the Base64 of a byte 1, the numbers of the digest, of the rounds
/// and of the bytes of the salt in 32 bits each, the salt, and the hash.
fn identity(exported: &str) -> Result<String, HashFormatError> {
    let bytes = STANDARD.decode(exported).map_err(|_| HashFormatError::Unknown)?;
    let number = |at| bytes.get(at..)?.first_chunk().map(|bytes| u32::from_be_bytes(*bytes));
    let (Some(digest), Some(rounds), Some(salt_bytes)) = (number(1), number(5), number(9)) else {
        return Err(DAMAGED_NUMBER);
    };
    let digest = match digest {
        0 => return Err(SHA1),
        1 => "sha256",
        2 => "sha512",
        _ => return Err(HashFormatError::Unknown),
    };
    let rest = bytes.get(13..).unwrap_or_default();
    let salt_bytes = usize::try_from(salt_bytes).unwrap_or(usize::MAX);
    let (salt, hash) = rest.split_at_checked(salt_bytes).ok_or(DAMAGED_BYTES)?;
    Ok(pbkdf2(digest, rounds, salt, &STANDARD_NO_PAD.encode(hash)))
}

/// Rewrites scrypt of crypt(3), `$7$`: a digit for log2(N), five for r, five for p, and the salt as text. Numbers and hash
/// are in the Base64 of crypt(3), the lowest six bits first.
fn crypt_scrypt(settings_and_salt: &str, hash: &str) -> Result<String, HashFormatError> {
    let digits = |text: Option<&str>| -> Option<Vec<u32>> {
        let digit = |byte| CRYPT64.iter().position(|digit| *digit == byte);
        text?.bytes().map(|byte| u32::try_from(digit(byte)?).ok()).collect()
    };
    let number =
        |digits: &[u32]| digits.iter().rev().fold(0_u64, |number, digit| (number << 6) | u64::from(*digit));
    let settings = digits(settings_and_salt.get(..11)).ok_or(DAMAGED_NUMBER)?;
    let [log_n, r @ .., _, _, _, _, _] = settings.as_slice() else { return Err(DAMAGED_NUMBER) };
    let p = settings.get(6..).unwrap_or_default();
    let salt = settings_and_salt.get(11..).unwrap_or_default();
    let mut output = Vec::new();
    for group in digits(Some(hash)).ok_or(DAMAGED_BYTES)?.chunks(4) {
        let bytes = number(group).to_le_bytes();
        output.extend_from_slice(bytes.get(..group.len() * 6 / 8).unwrap_or_default());
    }
    Ok(scrypt(*log_n, number(r), number(p), salt.as_bytes(), &STANDARD_NO_PAD.encode(output)))
}

/// Returns whether the text is the hex of log2(N), r and p, with two digits for each of the last two.
fn is_scrypt_params(text: &str) -> bool {
    (5..=6).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::passwords::verify;

    fn verdict(exported: &str, password: &str) -> bool {
        let stored = to_stored_form(exported).unwrap_or_else(|error| panic!("{exported}: {error}"));
        verify::matches(&mut argon2id::Memory::default(), &stored, password.as_bytes()).unwrap()
    }

    /// Of "correct horse", by Django, Werkzeug, passlib, libxcrypt, the reference implementation of Argon2, or Python's
    /// hashlib.
    const HASHES: [&str; 31] = [
        "pbkdf2_sha256$1000$seasalt$mQnueSakb748zqBAC1tmWVZsZbi2zPGZarEzTGdfmso=",
        "argon2$argon2id$v=19$m=64,t=1,p=1$c2Vhc2FsdDE$IyNCl11Knq9S8EMcRyZ72O5LCxpUbI0YHNEKTVzf57I",
        "bcrypt$$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e",
        "scrypt$256$seasalt$8$1$X2PGde1BEVfPhhXBLFNwQtUC8MYzyQe1IrIzW+A8TymSSfEtyLm+h0rhdqig7SPUPKlBS3ZuqEhEvtm5vVHuUg==",
        "pbkdf2:sha256:1000$Lq5GrL2G$08081c773b04bd684d4e09befef63f7d2e66d09d83192f9418cbc98de0e21738",
        "pbkdf2:sha512:1000$maHkrzHK$fa5266d99bb233f1bc593bb09922d9735360a9ba70633c73189d4f3bf27b47eb3bac3f6a5ba9dd701bb526d8a69a988347d4532e31ccce36b6a974551633d1c6",
        "scrypt:256:8:1$9iyt0YT2$2ef6c34d3efab9716ff1fae93bcbd692ad7b524aea02ea6d72327793ca0789aac22ac3945836fbca592ee07035fd48d3711a9cee313d8ce7fbf0ab8f040139fa",
        "{PBKDF2-SHA256}1000$8PHy8/T19vf4.fr7/P3./w$JwgcbJZlHBoE0uPBMy9SZsCsIJXsYLx/8XwH97PVwMU",
        "{PBKDF2-SHA512}1000$AAECAwQFBgcICQoLDA0ODw$Xpx07WjVx4vCIvrmBRj8uOoVVtGqJqtUv2J5bhizSQs7osCteF7W4A61dZDqSIqQjO.dxO6p5FT/Uy7QRBXSXA",
        "$scrypt$ln=8,r=8,p=1$8PHy8/T19vf4+fr7/P3+/w$FtSPPO2o6q6d+4WdrR4SJSS0cw8Bd/dWAAjr0GLuBpE",
        "{scrypt}$80801$AAECAwQFBgcICQoLDA0ODw==$W6uXFntaQULZth9xzFaPbripaD3jOtBk0fCyCCkoi0s=",
        "$s0$80801$AAECAwQFBgcICQoLDA0ODw==$W6uXFntaQULZth9xzFaPbripaD3jOtBk0fCyCCkoi0s=",
        "$scrypt$ln=256,r=8,p=1$AAECAwQFBgcICQoLDA0ODw==$W6uXFntaQULZth9xzFaPbripaD3jOtBk0fCyCCkoi0s=",
        "$scrypt$p=1,r=8,ln=8$AAECAwQFBgcICQoLDA0ODw$W6uXFntaQULZth9xzFaPbripaD3jOtBk0fCyCCkoi0s",
        "$7$66..../....abcdefgh$ZFMoHplK2gML.ojdFyXvYp6A/osg8kVNNY/vFhqurv5",
        "AQAAAAEAAAPoAAAAEAABAgMEBQYHCAkKCwwNDg/JFMxPBsxuj0bRV+Ohtap6vO67F7sERM1MSsFsoq6YZA==",
        "AQAAAAIAAAPoAAAAEAABAgMEBQYHCAkKCwwNDg9enHTtaNXHi8Ii+uYFGPy46hVW0aomq1S/YnluGLNJCw==",
        "$pbkdf2-sha256$i=1000$AAECAwQFBgcICQoLDA0ODw==$yRTMTwbMbo9G0VfjobWqerzuuxe7BETNTErBbKKumGQVykgYqFUkGDPSqmamlmDo91gX1JZ69LgWiJuFkmT+UQ==",
        "{BCRYPT}$2y$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e",
        "{bcrypt}$2a$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e",
        "{CRYPT}$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e",
        "{BLF-CRYPT}$2x$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e",
        "{ARGON2}$argon2id$v=19$m=64,t=1,p=1$AAECAwQFBgcICQoLDA0ODw$Jc5SM8weTTfpvKMb/vQXEOQERs0ctXWTJ5HF/TeAvTw",
        "$argon2i$m=64,t=1,p=1$AAECAwQFBgcICQoLDA0ODw==$BlkDmpJu3LQ3P5zWCCmJXoCT4Tdz0em8hMmjmwmOPgk=",
        "$argon2d$v=19$m=64,t=1,p=1$AAECAwQFBgcICQoLDA0ODw$Z8XbIp1c4TKN83HWhZMPxMsRtlLsK/yr4Lvm8c2W6AA",
        "{imported}$argon2id$v=19$m=64,t=1,p=1$AAECAwQFBgcICQoLDA0ODw$Jc5SM8weTTfpvKMb/vQXEOQERs0ctXWTJ5HF/TeAvTw",
        "{argon2@SpringSecurity_v5_8}$argon2id$v=19$m=64,t=1,p=1$AAECAwQFBgcICQoLDA0ODw$Jc5SM8weTTfpvKMb/vQXEOQERs0ctXWTJ5HF/TeAvTw",
        "{scrypt@SpringSecurity_v5_8}$80801$AAECAwQFBgcICQoLDA0ODw==$W6uXFntaQULZth9xzFaPbripaD3jOtBk0fCyCCkoi0s=",
        "{pbkdf2@SpringSecurity_v5_8}000102030405060708090a0b0c0d0e0f714eb4e46d526b82298560f1af99f32b59323cf07d3a1978bf45ba35d7c39861",
        "{pbkdf2-sha256}1000$AAECAwQFBgcICQoLDA0ODw$yRTMTwbMbo9G0VfjobWqerzuuxe7BETNTErBbKKumGQ",
        "$s1$080801$AAECAwQFBgcICQoLDA0ODw==$W6uXFntaQULZth9xzFaPbripaD3jOtBk0fCyCCkoi0s=",
    ];

    #[test]
    fn exported_hash_matches_only_its_password() {
        for exported in HASHES {
            assert!(verdict(exported, "correct horse"), "{exported}");
            assert!(!verdict(exported, "Correct horse"), "{exported}");
        }
    }

    /// Otherwise it would be verified in one form of the password only, and never replaced.
    #[test]
    fn imported_argon2id_hash_is_foreign_and_outdated() {
        let exported = HASHES[1].strip_prefix("argon2").unwrap();
        assert!(!HashKind::of(exported).unwrap().is_foreign(), "it looks like an own one");
        let stored = to_stored_form(exported).unwrap();
        assert!(HashKind::of(&stored).unwrap().is_foreign());
        assert!(!argon2id::is_current(&stored, &crate::passwords::params(64, 1).unwrap()));
    }

    #[test]
    fn hash_that_cannot_be_verified_is_refused_with_reason() {
        let salt_and_hash = "AAECAwQFBgcICQoLDA0ODw$Jc5SM8weTTfpvKMb/vQXEOQERs0ctXWTJ5HF/TeAvTw";
        for (exported, reason) in [
            ("pbkdf2_sha1$1000$seasalt$iQvkNOF1wEL4Khh8eogJ8rUhipM=", "SHA-1"),
            ("$pbkdf2$1000$2xsD4Jxzbk1Jyfl/D6EUQg$7zITAKGHinqMei6Eh5mXdiZ1bqA", "SHA-1"),
            ("{PBKDF2}1000$bG3NeS9FCMFYi3Huvdd6rw$DUZblmEglpQ2wrtzDsbForNta.4", "SHA-1"),
            ("AQAAAAAAAAPoAAAAEAABAgMEBQYHCAkKCwwNDg+d2FbDdriytxO2vgdAVMuIpGVW4BGF6o0NJn8znGUhaQ==", "SHA-1"),
            ("bcrypt_sha256$$2b$04$abcdefghijklmnopqrstuuIvyWZlBcE3WoQXKqRnwrLYJ6nenE0Bq", "pre-hashed"),
            ("$wp$2y$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e", "pre-hashed"),
            ("$2$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e", "first version"),
            ("$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6", "53 characters"),
            ("$2b$03$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e", "at least 04"),
            ("$2b$16$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e", "exceeds the maximum"),
            (&format!("$argon2id$v=19$m=64,t=1,p=1,keyid=AAAA${salt_and_hash}"), "secret key"),
            (&format!("$argon2id$v=18$m=64,t=1,p=1${salt_and_hash}"), "version"),
            (&format!("$argon2id$v=19$m=64,t=1${salt_and_hash}"), "m, t and p"),
            (&format!("$argon2id$v=19$m=262145,t=1,p=1${salt_and_hash}"), "exceeds the maximum"),
            (&format!("$scrypt$ln=18,r=8,p=3${salt_and_hash}"), "exceeds the maximum"),
            (&format!("$scrypt$ln=8,r=8${salt_and_hash}"), "ln, r and p"),
            (&format!("scrypt$255$salt$8$1${salt_and_hash}"), "known format"),
            (&format!("$pbkdf2-sha256$i=2500001${salt_and_hash}"), "exceeds the maximum"),
            ("$pbkdf2-sha256$i=1000$AAAA$AAAA", "10 to 64 bytes"),
            (
                "pbkdf2:sha256:1000$Lq5GrL2G$08081c773b04bd684d4e09befef63f7d2e66d09d83192f9418cbc98de0e2173",
                "cannot be decoded",
            ),
            ("pbkdf2:sha1:1000$Lq5GrL2G$0", "SHA-1"),
            ("pbkdf2:sha256:1000$Lq5GrL2G$+8081c773b04bd684d4e", "cannot be decoded"),
            ("{pbkdf2@SpringSecurity_v5_8}00", "cannot be decoded"),
            ("{pbkdf2@SpringSecurity_v5_5}00", "SHA-1"),
            ("{bcrypt@other}$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e", "known format"),
            ("{SSHA}W6uXFntaQULZth9xzFaPbripaD3jOtBk", "known format"),
            ("$6$salt$hash", "known format"),
            ("$1$salt$hash", "known format"),
            ("!auez4OJsp7Y6QNnDMKAtiSxms60aJUq68S313jAT", "known format"),
            ("", "known format"),
        ] {
            let error = to_stored_form(exported).expect_err(exported).to_string();
            assert!(error.contains(reason), "{exported}: {error}");
        }
    }
}
