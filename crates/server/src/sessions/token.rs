//! The session token: the browser's cookie has it, and the database has its hash.

use crate::crypto::sha256_hex;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use std::fmt;
use zeroize::Zeroizing;

/// Random bytes of a token: twice the 128 bits of entropy that ASVS 5.0, 7.2.3 requires.
const BYTES: usize = 32;

/// The secret of a session: 32 random bytes as 43 characters of URL-safe base64.
#[derive(Clone)]
pub struct Token(Zeroizing<String>);

impl Token {
    pub fn generate() -> Self {
        let bytes = Zeroizing::new(crate::crypto::random::bytes::<BYTES>());
        Self(Zeroizing::new(URL_SAFE_NO_PAD.encode(*bytes)))
    }

    /// Parses a cookie's value. Returns `None` if it is not a token.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(text).ok()?);
        (bytes.len() == BYTES).then(|| Self(Zeroizing::new(text.to_owned())))
    }

    /// Returns the token for the cookie.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Returns the SHA-256 in hex, for the database. It needs no salt or slow hash, because 256 random bits cannot be
    /// guessed.
    pub fn hash(&self) -> String {
        sha256_hex(self.0.as_bytes())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn session_token_round_trips_and_is_unique() {
        let token = Token::generate();
        assert_eq!(token.expose().len(), 43);
        assert_eq!(Token::parse(token.expose()).unwrap().hash(), token.hash());
        assert_ne!(Token::generate().hash(), token.hash());
    }

    #[test]
    fn malformed_session_token_is_rejected() {
        let (short, long) = ("A".repeat(42), "A".repeat(4000));
        for text in ["", "x", "not base64 at all !", "\u{0}", &short, &long] {
            assert!(Token::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn session_token_debug_output_is_redacted() {
        let token = Token::generate();
        assert!(!format!("{token:?}").contains(token.expose()));
    }
}
