//! The device cookie: it proves that a browser has logged in to an account with its present password. Failures of other
//! clients then do not lock this browser out, and its own failures are counted separately (OWASP, "Slow Down Online
//! Guessing Attacks with Device Cookies").

use crate::crypto::seal::SecretKey;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

const ID_BYTES: usize = 16;
const MAC_BYTES: usize = 32;

/// Identifies a browser in the failure counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceId([u8; ID_BYTES]);

impl DeviceId {
    pub(super) fn id(&self) -> &[u8] {
        &self.0
    }
}

/// A parsed device cookie. [`DeviceCookieSigner::verify`] checks it.
pub struct DeviceCookie {
    pub device: DeviceId,
    mac: [u8; MAC_BYTES],
}

impl DeviceCookie {
    /// Returns `None` if the text is not a device cookie.
    pub fn read(cookie: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(cookie).ok()?;
        let (id, mac) = bytes.split_first_chunk()?;
        Some(Self { device: DeviceId(*id), mac: mac.try_into().ok()? })
    }
}

/// The account and password that a device cookie is bound to. A new password changes the version, and so revokes all device cookies of the user.
#[derive(Clone, Copy)]
pub struct DeviceBinding<'a> {
    pub user_id: &'a str,
    pub password_version: i64,
}

/// Signs and verifies device cookies.
pub struct DeviceCookieSigner {
    key: Hmac<Sha256>,
    fallbacks: Vec<Hmac<Sha256>>,
}

impl DeviceCookieSigner {
    /// Signs with `key`, and verifies with `key` and `fallbacks`.
    pub fn new(key: &SecretKey, fallbacks: &[SecretKey]) -> Self {
        Self { key: Self::signer(key), fallbacks: fallbacks.iter().map(Self::signer).collect() }
    }

    fn signer(key: &SecretKey) -> Hmac<Sha256> {
        // HMAC pads a key that is shorter than a block with zeros (RFC 2104, section 2).
        let mut block = Zeroizing::new([0; 64]);
        for (to, from) in block.iter_mut().zip(key.derive("cometchat-auth: device cookie, version 2").iter())
        {
            *to = *from;
        }
        Hmac::new(&(*block).into())
    }

    /// Returns the value of a cookie for a browser that has just logged in, with its known device id or a new one.
    pub fn issue(&self, binding: DeviceBinding, known: Option<DeviceId>) -> String {
        let id = known.map_or_else(crate::crypto::random::bytes::<ID_BYTES>, |device| device.0);
        let mac = mac_of(&self.key, &id, binding).finalize().into_bytes();
        URL_SAFE_NO_PAD.encode([id.as_slice(), mac.as_slice()].concat())
    }

    /// Returns whether the cookie is valid for this account and its present password.
    pub fn verify(&self, cookie: &DeviceCookie, binding: DeviceBinding) -> bool {
        let signed_by = |signer| mac_of(signer, &cookie.device.0, binding).verify_slice(&cookie.mac).is_ok();
        std::iter::once(&self.key).chain(&self.fallbacks).any(signed_by)
    }
}

fn mac_of(signer: &Hmac<Sha256>, id: &[u8; ID_BYTES], binding: DeviceBinding) -> Hmac<Sha256> {
    // The only part of variable length is the last, so that different parts never give the same bytes.
    let DeviceBinding { user_id, password_version } = binding;
    signer.clone().chain_update(id).chain_update(password_version.to_be_bytes()).chain_update(user_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: DeviceBinding = DeviceBinding { user_id: "ada", password_version: 1 };

    fn signer(key: u8) -> DeviceCookieSigner {
        DeviceCookieSigner::new(&SecretKey::new([key; 32]), &[])
    }

    fn verifies(signer: &DeviceCookieSigner, cookie: &str, binding: DeviceBinding) -> bool {
        signer.verify(&DeviceCookie::read(cookie).unwrap(), binding)
    }

    #[test]
    fn device_cookie_is_trusted_and_keeps_its_device() {
        let cookie = signer(1).issue(ADA, None);
        assert!(verifies(&signer(1), &cookie, ADA));
        let device = DeviceCookie::read(&cookie).unwrap().device;
        let again = signer(1).issue(ADA, Some(device.clone()));
        assert!(verifies(&signer(1), &again, ADA));
        assert_eq!(DeviceCookie::read(&again).unwrap().device, device);
    }

    #[test]
    fn device_cookie_survives_key_rotation() {
        let cookie = signer(1).issue(ADA, None);
        let both = DeviceCookieSigner::new(&SecretKey::new([2; 32]), &[SecretKey::new([1; 32])]);
        assert!(verifies(&both, &cookie, ADA));
        assert!(verifies(&signer(2), &both.issue(ADA, None), ADA));
    }

    #[test]
    fn device_cookie_is_bound_to_account_password_key() {
        let cookie = signer(1).issue(ADA, None);
        assert!(!verifies(&signer(1), &cookie, DeviceBinding { user_id: "bob", ..ADA }), "another account");
        assert!(
            !verifies(&signer(1), &cookie, DeviceBinding { password_version: 2, ..ADA }),
            "another password"
        );
        assert!(!verifies(&signer(2), &cookie, ADA), "another server's key");
        for garbage in ["", "AAAA", "not base64!", &cookie[..cookie.len() - 2], &format!("{cookie}AA")] {
            assert!(DeviceCookie::read(garbage).is_none(), "{garbage}");
        }
    }
}
