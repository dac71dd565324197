//! The browser's storage: of the tab, of the whole site, and its cookies.

use super::dom::{document, window};
use js_sys::Reflect;
use wasm_bindgen::JsValue;
use web_sys::Storage;

fn local() -> Option<Storage> {
    window()?.local_storage().ok()?
}

/// Returns whether the site's storage has a key that fits.
pub fn has_local(fits: impl Fn(&str) -> bool) -> bool {
    local().is_some_and(|storage| keys(&storage).iter().any(|key| fits(key)))
}

/// Removes every key of the site's storage that fits.
pub fn remove_local(fits: impl Fn(&str) -> bool) {
    remove_matching(local(), fits);
}

fn keys(storage: &Storage) -> Vec<String> {
    let count = storage.length().unwrap_or(0);
    (0..count).filter_map(|index| storage.key(index).ok()?).collect()
}

fn remove_matching(storage: Option<Storage>, fits: impl Fn(&str) -> bool) {
    let Some(storage) = storage else { return };
    for key in keys(&storage).iter().filter(|key| fits(key)) {
        let _ = storage.remove_item(key);
    }
}

/// Returns whether the browser lets this site store data, and has room for it.
pub fn can_store() -> bool {
    const KEY: &str = "cometchat-auth:test";
    local().is_some_and(|storage| storage.set_item(KEY, "").and_then(|()| storage.remove_item(KEY)).is_ok())
}

/// Returns whether the browser keeps cookies for this site. `navigator.cookieEnabled` is true also if the browser's
/// settings block them.
pub fn keeps_cookies() -> bool {
    const COOKIE: &str = "cometchat-auth-test=1";
    let Some(document) = document() else { return false };
    let name = JsValue::from_str("cookie");
    let set = |cookie: &str| Reflect::set(&document, &name, &JsValue::from_str(cookie));
    // Without access to cookies, the getter and the setter may throw.
    let _ = set(COOKIE);
    let cookies = Reflect::get(&document, &name).ok().and_then(|cookies| cookies.as_string());
    let _ = set(&format!("{COOKIE}; Max-Age=0"));
    cookies.is_some_and(|cookies| cookies.contains(COOKIE))
}

/// The storage of this tab, which survives a reload.
pub mod tab {
    use super::{Storage, remove_matching, window};

    fn storage() -> Option<Storage> {
        window()?.session_storage().ok()?
    }

    pub fn get(key: &str) -> Option<String> {
        storage()?.get_item(key).ok()?
    }

    pub fn set(key: &str, value: &str) {
        if let Some(storage) = storage() {
            let _ = storage.set_item(key, value);
        }
    }

    pub fn remove(key: &str) {
        if let Some(storage) = storage() {
            let _ = storage.remove_item(key);
        }
    }

    /// Removes every key with this prefix.
    pub fn remove_all(prefix: &str) {
        remove_matching(storage(), |key| key.starts_with(prefix));
    }
}
