//! The device cookie: proof that a browser has signed in to an account before. What others do to that
//! account then does not keep this browser out, and what this browser does counts for itself (OWASP,
//! "Slow Down Online Guessing Attacks with Device Cookies").

use super::account_hash;
use crate::chat::seal::SecretKey;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

const ID_BYTES: usize = 16;
const MAC_BYTES: usize = 32;

/// A browser that has signed in before; names it in the counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device([u8; ID_BYTES]);

impl Device {
    pub(super) fn id(&self) -> &[u8] {
        &self.0
    }
}

/// Makes and checks device cookies.
pub struct Devices {
    now: Hmac<Sha256>,
    previous: Option<Hmac<Sha256>>,
}

impl Devices {
    /// Signs with `key`, and recognises what was signed with it or with the one before it.
    pub fn new(key: &SecretKey, previous: Option<&SecretKey>) -> Self {
        Self { now: Self::signer(key), previous: previous.map(Self::signer) }
    }

    fn signer(key: &SecretKey) -> Hmac<Sha256> {
        // HMAC fills a key that is shorter than a block with zeros, as this does.
        let mut block = Zeroizing::new([0; 64]);
        for (to, from) in block.iter_mut().zip(key.derive("cometchat-auth: device cookie, version 1").iter())
        {
            *to = *from;
        }
        Hmac::new(&(*block).into())
    }

    /// The cookie's value for a browser that has just signed in to this account: the one it has, or a new one.
    pub fn issue(&self, email: &str, known: Option<&Device>) -> String {
        let id = known.map_or_else(crate::random::bytes::<ID_BYTES>, |device| device.0);
        let mac = mac_of(&self.now, &id, email).finalize().into_bytes();
        URL_SAFE_NO_PAD.encode([id.as_slice(), mac.as_slice()].concat())
    }

    /// The browser that this cookie was given to, if that was for this account. Its time does not depend on
    /// the account being there.
    pub fn recognise(&self, cookie: &str, email: &str) -> Option<Device> {
        let bytes = URL_SAFE_NO_PAD.decode(cookie).ok()?;
        let (id, mac) = bytes.split_first_chunk::<ID_BYTES>()?;
        let signed_by = |signer| mac_of(signer, id, email).verify_slice(mac).is_ok();
        let is_ours = [Some(&self.now), self.previous.as_ref()].into_iter().flatten().any(signed_by);
        (mac.len() == MAC_BYTES && is_ours).then_some(Device(*id))
    }
}

fn mac_of(signer: &Hmac<Sha256>, id: &[u8; ID_BYTES], email: &str) -> Hmac<Sha256> {
    signer.clone().chain_update(id).chain_update(account_hash(email).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn devices(key: u8) -> Devices {
        Devices::new(&SecretKey::new([key; 32]), None)
    }

    #[test]
    fn a_browser_is_recognised_for_the_account_it_signed_in_to_and_stays_the_same_device() {
        let cookie = devices(1).issue("a@example.com", None);
        let device = devices(1).recognise(&cookie, " A@Example.com").unwrap();
        let again = devices(1).issue("a@example.com", Some(&device));
        assert_eq!(devices(1).recognise(&again, "a@example.com"), Some(device));
    }

    #[test]
    fn after_a_change_of_keys_a_browser_is_still_recognised() {
        let cookie = devices(1).issue("a@example.com", None);
        let both = Devices::new(&SecretKey::new([2; 32]), Some(&SecretKey::new([1; 32])));
        assert!(both.recognise(&cookie, "a@example.com").is_some());
        assert!(devices(2).recognise(&both.issue("a@example.com", None), "a@example.com").is_some());
    }

    #[test]
    fn it_opens_nothing_else() {
        let cookie = devices(1).issue("a@example.com", None);
        assert_eq!(devices(1).recognise(&cookie, "b@example.com"), None, "another account");
        assert_eq!(devices(2).recognise(&cookie, "a@example.com"), None, "another server's key");
        for garbage in ["", "AAAA", "not base64!", &cookie[..cookie.len() - 2], &format!("{cookie}AA")] {
            assert_eq!(devices(1).recognise(garbage, "a@example.com"), None, "{garbage}");
        }
    }
}
