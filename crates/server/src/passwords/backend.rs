//! The two implementations of Argon2id: argon2-rust, a port of the reference implementation with AVX-512, AVX2, SSE2 and
//! NEON, and RustCrypto's `argon2`, which is more widely reviewed. The first is up to three times faster. At each start
//! its hashes are compared with those of the second (docs/adr/0049-simd-backend-by-default.md).

use argon2::Params;
use argon2_rust::params::{Memory, TagLen};
use argon2_rust::{Algorithm, Argon2, Error, Hasher, Version, detected_backend};

/// Maximum memory of the self-test in KiB. More memory would delay the start without testing more code.
const SELF_TEST_MEMORY: u32 = 4096;

/// The implementation that computes the server's own hashes. Both compute the same hashes.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// argon2-rust
    #[default]
    Simd,
    /// RustCrypto's `argon2`
    Reference,
}

impl Backend {
    /// The values of `ARGON2_BACKEND`.
    pub const NAMES: [&str; 2] = [Self::Simd.name(), Self::Reference.name()];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Simd => "simd",
            Self::Reference => "reference",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Simd, Self::Reference].into_iter().find(|backend| backend.name() == name)
    }

    /// Returns the backend to use: this one, or the reference if this one uses no vector instructions on this processor
    /// or computes a wrong hash, which is logged.
    pub(super) fn checked(self, params: &Params) -> Self {
        if self == Self::Reference {
            return self;
        }
        let instructions = detected_backend();
        let Some(reason) = reason_against_simd(instructions, || computes_like_reference(params)) else {
            return self;
        };
        tracing::warn!(?instructions, reason, "password hashing with the slower reference backend");
        Self::Reference
    }
}

/// Returns why the SIMD backend must not be used with these instructions, if there is a reason.
fn reason_against_simd(
    instructions: argon2_rust::Backend,
    passes_self_test: impl FnOnce() -> bool,
) -> Option<&'static str> {
    if instructions == argon2_rust::Backend::Scalar {
        Some("it would use no vector instructions here")
    } else if !passes_self_test() {
        Some("its self-test failed")
    } else {
        None
    }
}

/// Returns whether both backends compute the same hashes of random inputs, with these parameters (memory up to
/// [`SELF_TEST_MEMORY`]) and with smaller ones.
fn computes_like_reference(params: &Params) -> bool {
    let mut arena = Arena::default();
    let mut is_equal = |memory: u32, passes: u32| {
        let params = Params::new(memory, passes, 1, Some(32)).ok()?;
        let (password, salt) = (crate::crypto::random::bytes::<32>(), crate::crypto::random::bytes::<16>());
        let (mut simd, mut reference) = ([0; 32], [0; 32]);
        arena.compute(&params, &password, &salt, &mut simd).ok()?;
        argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params)
            .hash_password_into(&password, &salt, &mut reference)
            .ok()?;
        Some(simd == reference)
    };
    let own = (params.m_cost().min(SELF_TEST_MEMORY), params.t_cost());
    [own, (64, 3), (64, 3), (64, 3)]
        .into_iter()
        .all(|(memory, passes)| is_equal(memory, passes) == Some(true))
}

/// The memory of one thread: allocated at the first hash, wiped by the library after each, and kept.
#[derive(Default)]
pub(super) struct Arena(Option<Hasher>);

impl Arena {
    /// Computes Argon2id, version 1.3, with one lane, with the SIMD backend.
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reference_is_used_if_it_is_preferred() {
        let params = Params::new(64, 1, 1, None).unwrap();
        assert_eq!(Backend::Reference.checked(&params), Backend::Reference);
        let is_fast = detected_backend() != argon2_rust::Backend::Scalar;
        assert_eq!(Backend::Simd.checked(&params) == Backend::Simd, is_fast);
    }

    #[test]
    fn simd_backend_without_instructions_or_self_test_is_refused() {
        use argon2_rust::Backend::{Avx2, Scalar};
        assert_eq!(reason_against_simd(Avx2, || true), None);
        assert_eq!(reason_against_simd(Avx2, || false), Some("its self-test failed"));
        assert!(reason_against_simd(Scalar, || true).is_some_and(|reason| reason.contains("vector")));
    }

    proptest! {
        #[test]
        fn backends_compute_equal_hashes(
            (lanes, memory) in (1_u32..=4).prop_flat_map(|lanes| (Just(lanes), 8 * lanes..=600)),
            passes in 1_u32..=4,
            password in prop::collection::vec(any::<u8>(), 0..=200),
            salt in prop::collection::vec(any::<u8>(), 8..=64),
            length in 4_usize..=100,
        ) {
            let (mut simd, mut reference) = (vec![0; length], vec![0; length]);
            let params = Params::new(memory, passes, lanes, Some(length)).unwrap();
            argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params.clone())
                .hash_password_into(&password, &salt, &mut reference)
                .unwrap();
            let simd_params = argon2_rust::Params::builder()
                .memory(Memory::kib(memory.into()))
                .passes(passes)
                .lanes(lanes)
                .tag_len(TagLen::bytes(length as u64))
                .build()
                .unwrap();
            Argon2::new(Algorithm::Argon2id, Version::V0x13, simd_params).hash_into(&password, &salt, &mut simd).unwrap();
            prop_assert_eq!(&simd, &reference);
            if lanes == 1 {
                // In memory that a larger hash has used before.
                let mut arena = Arena::default();
                let larger = Params::new(memory * 2, 1, 1, Some(32)).unwrap();
                arena.compute(&larger, b"other", &salt, &mut [0; 32]).unwrap();
                simd.fill(0);
                arena.compute(&params, &password, &salt, &mut simd).unwrap();
                prop_assert_eq!(&simd, &reference);
            }
        }
    }
}
