//! A password in memory.

use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

/// A password, normalized to NFC so that the same characters typed on another system are the same password (NIST SP
/// 800-63B-4, 3.1.1.2). It is never truncated or trimmed, and wiped on drop.
#[derive(Clone)]
pub struct Password(pub(super) Zeroizing<String>);

impl Password {
    pub fn new(typed: &str) -> Self {
        Self(Zeroizing::new(typed.nfc().collect()))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn password_is_normalized_to_nfc() {
        assert_eq!(Password::new("caf\u{e9}").bytes(), Password::new("cafe\u{301}").bytes());
        assert_ne!(Password::new("cafe").bytes(), Password::new("caf\u{e9}").bytes());
    }

    #[test]
    fn password_is_never_truncated_or_trimmed() {
        let long = "x".repeat(100) + " ";
        assert_eq!(Password::new(&long).bytes(), long.as_bytes());
    }
}
