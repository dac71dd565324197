//! Cryptographic primitives: encryption at rest, random bytes and digests.

mod digest;
pub mod random;
pub mod seal;

pub use digest::sha256_hex;
