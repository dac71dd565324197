//! The device cookie: proof that an account was opened in a browser by its present password. What others do
//! to that account then does not keep this browser out, and what this browser does counts for itself (OWASP,
//! "Slow Down Online Guessing Attacks with Device Cookies").

use crate::crypto::seal::SecretKey;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

const ID_BYTES: usize = 16;
const MAC_BYTES: usize = 32;

/// Names a browser in the counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceId([u8; ID_BYTES]);

impl DeviceId {
    pub(super) fn id(&self) -> &[u8] {
        &self.0
    }
}

/// What a cookie says, which is yet to be proven.
pub struct DeviceCookie {
    pub device: DeviceId,
    mac: [u8; MAC_BYTES],
}

impl DeviceCookie {
    /// `None`: no cookie of ours.
    pub fn read(cookie: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(cookie).ok()?;
        let (id, mac) = bytes.split_first_chunk()?;
        Some(Self { device: DeviceId(*id), mac: mac.try_into().ok()? })
    }
}

/// What a browser is known for: that this password opened this account. Not for the password after it, so that who
/// has known an old one is nobody's browser any more.
#[derive(Clone, Copy)]
pub struct DeviceBinding<'a> {
    pub user_id: &'a str,
    pub password_version: i64,
}

/// Makes and checks device cookies.
pub struct DeviceCookieSigner {
    key: Hmac<Sha256>,
    fallbacks: Vec<Hmac<Sha256>>,
}

impl DeviceCookieSigner {
    /// Signs with `key`, and recognises what was signed with it or with one of `fallbacks`.
    pub fn new(key: &SecretKey, fallbacks: &[SecretKey]) -> Self {
        Self { key: Self::signer(key), fallbacks: fallbacks.iter().map(Self::signer).collect() }
    }

    fn signer(key: &SecretKey) -> Hmac<Sha256> {
        // HMAC fills a key that is shorter than a block with zeros, as this does.
        let mut block = Zeroizing::new([0; 64]);
        for (to, from) in block.iter_mut().zip(key.derive("cometchat-auth: device cookie, version 2").iter())
        {
            *to = *from;
        }
        Hmac::new(&(*block).into())
    }

    /// The cookie's value for a browser that has just done so: the device that it is already, or a new one.
    pub fn issue(&self, opened: DeviceBinding, known: Option<DeviceId>) -> String {
        let id = known.map_or_else(crate::crypto::random::bytes::<ID_BYTES>, |device| device.0);
        let mac = mac_of(&self.key, &id, opened).finalize().into_bytes();
        URL_SAFE_NO_PAD.encode([id.as_slice(), mac.as_slice()].concat())
    }

    /// Whether it is true, for this account under its present password.
    pub fn verify(&self, claim: &DeviceCookie, opened: DeviceBinding) -> bool {
        let signed_by = |signer| mac_of(signer, &claim.device.0, opened).verify_slice(&claim.mac).is_ok();
        std::iter::once(&self.key).chain(&self.fallbacks).any(signed_by)
    }
}

fn mac_of(signer: &Hmac<Sha256>, id: &[u8; ID_BYTES], opened: DeviceBinding) -> Hmac<Sha256> {
    // What has no fixed length comes last: no two rows of these are the same bytes.
    let DeviceBinding { user_id, password_version } = opened;
    signer.clone().chain_update(id).chain_update(password_version.to_be_bytes()).chain_update(user_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: DeviceBinding = DeviceBinding { user_id: "ada", password_version: 1 };

    fn devices(key: u8) -> DeviceCookieSigner {
        DeviceCookieSigner::new(&SecretKey::new([key; 32]), &[])
    }

    fn believed(devices: &DeviceCookieSigner, cookie: &str, opened: DeviceBinding) -> bool {
        devices.verify(&DeviceCookie::read(cookie).unwrap(), opened)
    }

    #[test]
    fn device_cookie_is_trusted_and_keeps_its_device() {
        let cookie = devices(1).issue(ADA, None);
        assert!(believed(&devices(1), &cookie, ADA));
        let device = DeviceCookie::read(&cookie).unwrap().device;
        let again = devices(1).issue(ADA, Some(device.clone()));
        assert!(believed(&devices(1), &again, ADA));
        assert_eq!(DeviceCookie::read(&again).unwrap().device, device);
    }

    #[test]
    fn device_cookie_survives_key_rotation() {
        let cookie = devices(1).issue(ADA, None);
        let both = DeviceCookieSigner::new(&SecretKey::new([2; 32]), &[SecretKey::new([1; 32])]);
        assert!(believed(&both, &cookie, ADA));
        assert!(believed(&devices(2), &both.issue(ADA, None), ADA));
    }

    #[test]
    fn device_cookie_is_bound_to_account_password_key() {
        let cookie = devices(1).issue(ADA, None);
        assert!(!believed(&devices(1), &cookie, DeviceBinding { user_id: "bob", ..ADA }), "another account");
        assert!(
            !believed(&devices(1), &cookie, DeviceBinding { password_version: 2, ..ADA }),
            "another password"
        );
        assert!(!believed(&devices(2), &cookie, ADA), "another server's key");
        for garbage in ["", "AAAA", "not base64!", &cookie[..cookie.len() - 2], &format!("{cookie}AA")] {
            assert!(DeviceCookie::read(garbage).is_none(), "{garbage}");
        }
    }
}
