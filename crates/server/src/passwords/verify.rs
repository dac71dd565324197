//! Verifies stored hashes of all supported formats.

use super::argon2id::{self, Memory};
use super::kind::HashKind;
use super::legacy::LegacyHash;
use argon2::password_hash::phc::Output;

/// Returns the name of the scheme, or `None` if the format is unknown.
pub fn scheme(stored: &str) -> Option<String> {
    HashKind::of(stored)?;
    if argon2id::parse(stored).is_ok() {
        return stored.split('$').nth(1).map(str::to_owned);
    }
    LegacyHash::parse(stored).ok().map(|legacy| legacy.to_string())
}

/// Returns whether `password` matches `stored`, which is `false` if the format is unknown or the cost exceeds the maximum.
///
/// # Errors
/// If the hash of the password cannot be computed, for example because there is no memory for it.
pub fn matches(
    memory: &mut Memory,
    stored: &str,
    password: &[u8],
) -> Result<bool, argon2::password_hash::Error> {
    if HashKind::of(stored).is_none() {
        return Ok(false);
    }
    if let Ok(legacy) = LegacyHash::parse(stored) {
        return Ok(legacy.matches(password));
    }
    let Ok((argon2, salt, expected)) = argon2id::parse(stored) else { return Ok(false) };
    let mut output = [0; Output::MAX_LENGTH];
    let output = output.get_mut(..expected.len()).unwrap_or_default();
    if argon2id::has_own_format(stored, argon2.params()) {
        memory.compute_current(argon2.params(), password, &salt, output)?;
    } else {
        memory.compute(&argon2, password, &salt, output)?;
    }
    // `Output` compares in constant time.
    Ok(Output::new(output)? == expected)
}

#[cfg(test)]
mod tests {
    use super::*;
    use argon2::Params;

    /// Small parameters keep the tests fast; no result depends on the size.
    fn params(memory_kib: u32) -> Params {
        crate::passwords::params(memory_kib, 1).unwrap()
    }

    #[test]
    fn hash_matches_only_its_own_password() {
        let mut memory = Memory::default();
        let stored = argon2id::hash(&mut memory, &params(64), b"right", &[7; 16]).unwrap();
        assert_eq!(matches(&mut memory, &stored, b"right"), Ok(true));
        assert_eq!(matches(&mut memory, &stored, b"wrong"), Ok(false));
    }

    #[test]
    fn dummy_hash_has_same_cost_and_matches_nothing() {
        let stored = argon2id::dummy(&params(64)).unwrap();
        assert!(argon2id::is_current(&stored, &params(64)));
        assert_eq!(matches(&mut Memory::default(), &stored, b"password"), Ok(false));
    }

    #[test]
    fn hash_of_other_parameters_is_outdated_but_valid() {
        let mut memory = Memory::default();
        let stored = argon2id::hash(&mut memory, &params(64), b"password", &[2; 16]).unwrap();
        assert!(!argon2id::is_current(&stored, &params(128)));
        assert_eq!(matches(&mut memory, &stored, b"password"), Ok(true));
    }

    /// By the reference implementation, with version 1.0 in the first three.
    #[test]
    fn argon2_hash_of_each_version_and_type_matches() {
        let salt = "AAECAwQFBgcICQoLDA0ODw";
        for (scheme, output) in [
            ("argon2id$v=16", "swnYwb54CEZMBPFPU73+DLbpA0Vws6H918kJJ05Ries"),
            ("argon2i$v=16", "BlkDmpJu3LQ3P5zWCCmJXoCT4Tdz0em8hMmjmwmOPgk"),
            ("argon2d$v=16", "pFveGmhfomsXf1ybo6kY9JOI63DzK9Qs1mMqyQcmdfw"),
            ("argon2id$v=19", "Jc5SM8weTTfpvKMb/vQXEOQERs0ctXWTJ5HF/TeAvTw"),
            ("argon2i$v=19", "MzpcogP+LpzfG8tWU7OS6cKeFBKhwGJ3pb6pkfsvN7Y"),
            ("argon2d$v=19", "Z8XbIp1c4TKN83HWhZMPxMsRtlLsK/yr4Lvm8c2W6AA"),
            // Without a version it is version 1.0.
            ("argon2i", "BlkDmpJu3LQ3P5zWCCmJXoCT4Tdz0em8hMmjmwmOPgk"),
        ] {
            for prefix in ["", argon2id::IMPORTED] {
                let stored = format!("{prefix}${scheme}$m=64,t=1,p=1${salt}${output}");
                let matches = |password| matches(&mut Memory::default(), &stored, password);
                assert_eq!(matches(b"correct horse"), Ok(true), "{stored}");
                assert_eq!(matches(b"wrong horse"), Ok(false), "{stored}");
            }
        }
    }

    #[test]
    fn malformed_or_excessive_hash_is_rejected() {
        let greedy = "$argon2id$v=19$m=4194304,t=1,p=1$AgICAgICAgICAgICAgICAg$AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI";
        for stored in ["", "password", "$2b$10$abc", "$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHQ", greedy] {
            assert!(HashKind::of(stored).is_none(), "{stored}");
            assert!(HashKind::of(stored).is_none(), "{stored}");
            assert_eq!(matches(&mut Memory::default(), stored, b"password"), Ok(false));
        }
    }
}
