//! The session token: what the browser's cookie holds and the database does not.

use crate::crypto::sha256_hex;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use std::fmt;
use zeroize::Zeroizing;

/// Random bytes in a token: twice what OWASP's Session Management Cheat Sheet asks for.
const BYTES: usize = 32;

/// A session's secret: 32 random bytes, written as 43 characters of URL-safe base64.
#[derive(Clone)]
pub struct Token(Zeroizing<String>);

impl Token {
    pub fn generate() -> Self {
        let bytes = Zeroizing::new(crate::crypto::random::bytes::<BYTES>());
        Self(Zeroizing::new(URL_SAFE_NO_PAD.encode(*bytes)))
    }

    /// Reads what a cookie holds; `None` for anything that was never a token of ours.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(text).ok()?);
        (bytes.len() == BYTES).then(|| Self(Zeroizing::new(text.to_owned())))
    }

    /// The token itself, for the cookie.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What the database keeps: SHA-256 in hex. Plain SHA-256 is enough, since nobody can guess 256
    /// random bits.
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
