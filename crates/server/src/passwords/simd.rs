//! The optional SIMD backend (cargo feature `argon2-simd`): argon2-rust, a port of the reference implementation with AVX2
//! and NEON. At each start [`self_test`] compares its hashes with those of the more widely reviewed RustCrypto crate.

use argon2::Params;
use argon2_rust::params::{Memory, TagLen};
use argon2_rust::{Algorithm, Argon2, Error, Hasher, Version};

/// The memory of one thread: allocated at the first hash, wiped by the library after each, and kept.
#[derive(Default)]
pub struct Arena(Option<Hasher>);

impl Arena {
    /// Computes Argon2id, version 1.3, with one lane.
    pub fn compute(
        &mut self,
        params: &Params,
        password: &[u8],
        salt: &[u8],
        output: &mut [u8],
    ) -> Result<(), Error> {
        let params = argon2_rust::Params::builder()
            .memory(Memory::kib(params.m_cost().into()))
            .passes(params.t_cost())
            .tag_len(TagLen::bytes(output.len().try_into().unwrap_or(u64::MAX)))
            .build()?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let hasher = self.0.get_or_insert_with(|| argon2.hasher());
        hasher.set_argon2(argon2);
        hasher.hash_into(password, salt, output)
    }
}

/// Maximum memory of the self-test in KiB. More memory would delay the start without testing more code.
const SELF_TEST_MEMORY: u32 = 4096;

/// Compares both backends on random inputs, with these parameters (memory up to [`SELF_TEST_MEMORY`]) and with smaller
/// ones.
///
/// # Errors
/// If the hashes differ.
pub fn self_test(params: &Params) -> std::io::Result<()> {
    let mut arena = Arena::default();
    let with = |memory, passes| Params::new(memory, passes, 1, Some(32)).map_err(std::io::Error::other);
    let ours = with(params.m_cost().min(SELF_TEST_MEMORY), params.t_cost())?;
    let small = with(64, 3)?;
    for params in [&ours, &small, &small, &small] {
        let (password, salt) = (crate::crypto::random::bytes::<32>(), crate::crypto::random::bytes::<16>());
        let (mut ours, mut theirs) = ([0; 32], [0; 32]);
        arena.compute(params, &password, &salt, &mut ours).map_err(std::io::Error::other)?;
        argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params.clone())
            .hash_password_into(&password, &salt, &mut theirs)
            .map_err(std::io::Error::other)?;
        if ours != theirs {
            return Err(std::io::Error::other(
                "self-test failed: argon2-simd and RustCrypto compute different hashes",
            ));
        }
    }
    Ok(())
}
