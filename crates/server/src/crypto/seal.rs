//! Encryption of chat tokens at rest, so that a stolen database does not reveal them.

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use sha2::{Digest as _, Sha256};
use std::fmt;
use zeroize::Zeroizing;

const NONCE_BYTES: usize = 24;
const FINGERPRINT_BYTES: usize = 8;

/// A secret key of 32 bytes, from which the keys for encryption and signatures are derived. Wiped on drop.
#[derive(Clone)]
pub struct SecretKey(Zeroizing<[u8; 32]>);

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl SecretKey {
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Returns the key itself, for signatures that another application creates or verifies.
    pub fn bytes(&self) -> &[u8] {
        &*self.0
    }

    /// Returns an identifier of the key that reveals nothing about it, for the database and for messages.
    pub fn fingerprint(&self) -> String {
        let hash = self.derive("cometchat-auth: fingerprint, version 1");
        hash.iter().take(FINGERPRINT_BYTES).map(|byte| format!("{byte:02x}")).collect()
    }

    /// Derives a key for one purpose. Separate keys keep the output of one use from being valid in another.
    pub fn derive(&self, purpose: &str) -> Zeroizing<[u8; 32]> {
        let mut hash = Sha256::new();
        hash.update(purpose.as_bytes());
        hash.update([0]);
        hash.update(*self.0);
        Zeroizing::new(hash.finalize().into())
    }
}

/// The error of [`Sealer::open`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot decrypt: the value was modified or encrypted with another SECRET_KEY")]
pub struct DecryptError;

/// Encrypts with XChaCha20-Poly1305. Its 24-byte nonces are long enough to be chosen at random without collisions.
#[derive(Clone)]
pub struct Sealer {
    key: XChaCha20Poly1305,
    fallbacks: Vec<XChaCha20Poly1305>,
}

impl Sealer {
    /// Returns a sealer that encrypts with `key`, and decrypts with `key` or one of `fallbacks`.
    pub fn new(key: &SecretKey, fallbacks: &[SecretKey]) -> Self {
        let cipher = |key: &SecretKey| {
            XChaCha20Poly1305::new(&(*key.derive("cometchat-auth: seal, version 1")).into())
        };
        Self { key: cipher(key), fallbacks: fallbacks.iter().map(cipher).collect() }
    }

    /// Encrypts `secret` and authenticates `uid` with it: [`Sealer::open`] fails for any other uid.
    pub fn seal(&self, uid: &str, secret: &str) -> Result<String, DecryptError> {
        let nonce = XNonce::from(crate::crypto::random::bytes::<NONCE_BYTES>());
        let payload = Payload { msg: secret.as_bytes(), aad: uid.as_bytes() };
        // Fails only above 256 GiB, the limit of the cipher.
        let sealed = self.key.encrypt(&nonce, payload).map_err(|_| DecryptError)?;
        Ok(STANDARD_NO_PAD.encode([nonce.as_slice(), &sealed].concat()))
    }

    /// Decrypts a value that [`Sealer::seal`] returned for this uid.
    pub fn open(&self, uid: &str, sealed: &str) -> Result<Zeroizing<String>, DecryptError> {
        let bytes = STANDARD_NO_PAD.decode(sealed).map_err(|_| DecryptError)?;
        let (nonce, message) = bytes.split_first_chunk::<NONCE_BYTES>().ok_or(DecryptError)?;
        let opened = std::iter::once(&self.key).chain(&self.fallbacks).find_map(|cipher| {
            let payload = Payload { msg: message, aad: uid.as_bytes() };
            cipher.decrypt(&XNonce::from(*nonce), payload).ok()
        });
        let opened = opened.ok_or(DecryptError)?;
        String::from_utf8(opened).map(Zeroizing::new).map_err(|_| DecryptError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealer(key: u8) -> Sealer {
        Sealer::new(&SecretKey::new([key; 32]), &[])
    }

    #[test]
    fn sealed_text_opens_and_ciphertexts_differ() {
        let (one, two) = (sealer(1).seal("u", "secret").unwrap(), sealer(1).seal("u", "secret").unwrap());
        assert_ne!(one, two);
        assert_eq!(*sealer(1).open("u", &one).unwrap(), "secret");
    }

    #[test]
    fn key_rotation_opens_old_and_seals_with_new() {
        let (old, new) = (SecretKey::new([1; 32]), SecretKey::new([2; 32]));
        let both = Sealer::new(&new, &[SecretKey::new([3; 32]), old]);
        let sealed = sealer(1).seal("u", "secret").unwrap();
        assert_eq!(*both.open("u", &sealed).unwrap(), "secret");
        let sealed = both.seal("u", "secret").unwrap();
        assert_eq!(sealer(1).open("u", &sealed), Err(DecryptError));
        assert_eq!(*sealer(2).open("u", &sealed).unwrap(), "secret");
    }

    #[test]
    fn key_fingerprint_is_stable_and_hides_key() {
        let [one, two] = [1, 2].map(|byte| SecretKey::new([byte; 32]).fingerprint());
        assert_eq!(one, SecretKey::new([1; 32]).fingerprint());
        assert_ne!(one, two);
        assert_eq!(one.len(), 16);
        assert!(!one.contains("0101"), "{one}");
    }

    #[test]
    fn sealed_text_rejects_wrong_key_user_or_tampering() {
        let sealed = sealer(1).seal("u", "secret").unwrap();
        assert_eq!(sealer(2).open("u", &sealed), Err(DecryptError));
        assert_eq!(sealer(1).open("v", &sealed), Err(DecryptError));
        let changed = format!("{}{}", if sealed.starts_with('A') { 'B' } else { 'A' }, &sealed[1..]);
        assert_eq!(sealer(1).open("u", &changed), Err(DecryptError));
        for garbage in ["", "AAAA", "not base64!"] {
            assert_eq!(sealer(1).open("u", garbage), Err(DecryptError));
        }
    }
}
