//! Random bytes from the operating system, for secrets.

use rand::{TryRng, rngs::SysRng};

/// Returns `N` random bytes.
///
/// # Panics
/// If the operating system provides no randomness, because the server cannot create secrets without it.
#[allow(clippy::expect_used)]
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SysRng.try_fill_bytes(&mut bytes).expect("the operating system provides random bytes");
    bytes
}

/// Returns a random number in `0.0..1.0`, for jitter.
pub fn fraction() -> f64 {
    f64::from(u32::from_le_bytes(bytes())) / (f64::from(u32::MAX) + 1.0)
}
