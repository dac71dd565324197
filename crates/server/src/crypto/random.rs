//! Random bytes for secrets, straight from the operating system.

use rand::{TryRng, rngs::SysRng};

/// `N` unpredictable bytes.
///
/// # Panics
/// When the operating system gives no randomness: nothing secret can be made then, and carrying on
/// would be worse.
#[allow(clippy::expect_used)]
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SysRng.try_fill_bytes(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

/// A fraction in `0.0..1.0`, for jitter.
pub fn fraction() -> f64 {
    f64::from(u32::from_le_bytes(bytes())) / (f64::from(u32::MAX) + 1.0)
}
