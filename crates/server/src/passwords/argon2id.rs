//! Argon2id: computes one hash in memory of the caller, and parses hashes.

use super::backend::{Arena, Backend};
use super::format_error::HashFormatError;
use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use zeroize::Zeroize as _;

/// Maximum parameters of a stored hash, so that an unusual one cannot exhaust the server's memory.
const MAX_MEMORY_KIB: u32 = 256 * 1024;
const MAX_ITERATIONS: u32 = 16;

/// Precedes a stored Argon2id hash that another system made and that otherwise looks like one of this server. Its
/// password may not have been in the normal form of [`Password`](super::Password).
pub(super) const IMPORTED: &str = "{imported}";

/// The working memory of a thread: allocated once, reused, and wiped after each use because it is derived from the
/// password.
#[derive(Default)]
pub struct Memory {
    backend: Backend,
    blocks: Vec<Block>,
    arena: Arena,
}

impl Memory {
    pub fn new(backend: Backend) -> Self {
        Self { backend, ..Self::default() }
    }

    pub(super) fn compute(
        &mut self,
        argon2: &Argon2<'_>,
        password: &[u8],
        salt: &[u8],
        output: &mut [u8],
    ) -> argon2::Result<()> {
        let blocks = argon2.params().block_count();
        if self.blocks.len() < blocks {
            self.blocks.resize(blocks, Block::new());
        }
        let memory = self.blocks.get_mut(..blocks).unwrap_or_default();
        let result = argon2.hash_password_into_with_memory(password, salt, output, &mut *memory);
        memory.iter_mut().for_each(Block::zeroize);
        result
    }

    /// Computes a hash of the current format (Argon2id, version 1.3, one lane) with the chosen backend.
    pub(super) fn compute_current(
        &mut self,
        params: &Params,
        password: &[u8],
        salt: &[u8],
        output: &mut [u8],
    ) -> argon2::Result<()> {
        match self.backend {
            Backend::Simd => {
                self.arena.compute(params, password, salt, output).map_err(|_| argon2::Error::OutOfMemory)
            }
            Backend::Reference => {
                let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
                self.compute(&argon2, password, salt, output)
            }
        }
    }
}

/// Returns the hash of `password` as a PHC string.
pub fn hash(
    memory: &mut Memory,
    params: &Params,
    password: &[u8],
    salt: &[u8],
) -> argon2::password_hash::Result<String> {
    let mut output = [0; Params::DEFAULT_OUTPUT_LEN];
    memory.compute_current(params, password, salt, &mut output)?;
    phc(params, salt, &output)
}

fn phc(params: &Params, salt: &[u8], output: &[u8]) -> argon2::password_hash::Result<String> {
    Ok(PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(params)?,
        salt: Some(Salt::new(salt)?),
        hash: Some(Output::new(output)?),
    }
    .to_string())
}

/// Returns a hash that matches no password. Logins of unknown users are verified against it, so that they take the same
/// time as others.
pub fn dummy(params: &Params) -> argon2::password_hash::Result<String> {
    phc(
        params,
        &crate::crypto::random::bytes::<16>(),
        &crate::crypto::random::bytes::<{ Params::DEFAULT_OUTPUT_LEN }>(),
    )
}

/// Returns whether `stored`, with these parameters, has the format of new hashes.
pub fn has_own_format(stored: &str, params: &Params) -> bool {
    params.p_cost() == 1 && params.data().is_empty() && stored.starts_with("$argon2id$v=19$")
}

/// Returns whether `stored` has the format and parameters of new hashes.
pub fn is_current(stored: &str, params: &Params) -> bool {
    parse(stored).is_ok_and(|(argon2, _, _)| {
        let stored_params = argon2.params();
        (stored_params.m_cost(), stored_params.t_cost(), stored_params.p_cost())
            == (params.m_cost(), params.t_cost(), params.p_cost())
            && has_own_format(stored, stored_params)
    })
}

pub fn parse(stored: &str) -> Result<(Argon2<'static>, Salt, Output), HashFormatError> {
    let stored = stored.strip_prefix(IMPORTED).unwrap_or(stored);
    if !stored.starts_with("$argon2") {
        return Err(HashFormatError::Unknown);
    }
    let malformed = HashFormatError::Malformed;
    let phc = PasswordHash::new(stored)
        .map_err(|_| malformed("expected $argon2id$v=19$m=…,t=…,p=…$salt$hash, salt and hash in Base64"))?;
    let algorithm = Algorithm::try_from(phc.algorithm.as_str()).map_err(|_| HashFormatError::Unknown)?;
    // Argon2 had no version number before version 1.3.
    let version = phc.version.map_or(Ok(Version::V0x10), Version::try_from);
    let version =
        version.map_err(|_| HashFormatError::Unsupported("this version of argon2 is not supported"))?;
    // The crate has a default for each: the hash would be computed with other parameters than its own.
    let count = |name| phc.params.iter().filter(|(param, _)| param.as_str() == name).count();
    if ["m", "t", "p"].into_iter().any(|name| count(name) != 1) {
        return Err(malformed("argon2 needs each of the parameters m, t and p once"));
    }
    if count("keyid") > 0 {
        return Err(HashFormatError::Unsupported("argon2 with a secret key (keyid) is not supported"));
    }
    let params = Params::try_from(&phc).map_err(|_| malformed("the parameters of argon2 are invalid"))?;
    if params.m_cost() > MAX_MEMORY_KIB || params.t_cost() > MAX_ITERATIONS {
        return Err(HashFormatError::TooExpensive);
    }
    let (Some(salt), Some(output)) = (phc.salt, phc.hash) else {
        return Err(malformed("salt or hash is missing"));
    };
    Ok((Argon2::new(algorithm, version, params), salt, output))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Small parameters keep the tests fast; no result depends on the size.
    fn params(memory_kib: u32) -> Params {
        crate::passwords::params(memory_kib, 1).unwrap()
    }

    #[test]
    fn reused_memory_yields_the_standard_argon2_hash() {
        let mut plain = [0; 32];
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params(64))
            .hash_password_into(b"password", &[2; 16], &mut plain)
            .unwrap();
        for backend in [Backend::Simd, Backend::Reference] {
            let mut memory = Memory::new(backend);
            hash(&mut memory, &params(256), b"other password", &[1; 16]).unwrap();
            let reused = hash(&mut memory, &params(64), b"password", &[2; 16]).unwrap();
            assert_eq!(reused, phc(&params(64), &[2; 16], &plain).unwrap());
        }
    }

    #[test]
    fn hash_memory_is_wiped_after_use() {
        // The other backend does not show its memory.
        let mut memory = Memory::new(Backend::Reference);
        hash(&mut memory, &params(64), b"password", &[2; 16]).unwrap();
        assert!(!memory.blocks.is_empty());
        assert!(memory.blocks.iter().all(|block| block.as_ref().iter().all(|word| *word == 0)));
    }

    #[test]
    fn argon2_hash_with_default_parameters_or_key_is_rejected() {
        let rest = "$AAECAwQFBgcICQoLDA0ODw$Jc5SM8weTTfpvKMb/vQXEOQERs0ctXWTJ5HF/TeAvTw";
        for params in ["m=64,t=1", "t=1,p=1", "m=64,p=1", "m=64,m=64,t=1,p=1", "m=64,t=1,p=1,keyid=AAAA"] {
            assert!(parse(&format!("$argon2id$v=19${params}{rest}")).is_err(), "{params}");
        }
        assert!(parse(&format!("$argon2id$v=19$m=64,t=1,p=1{rest}")).is_ok());
    }
}
