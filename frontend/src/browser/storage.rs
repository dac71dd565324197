//! The browser's storage: of the tab, and of the whole site.

use super::dom::window;
use web_sys::Storage;

/// Removes every key of the site's storage that fits.
pub fn remove_local(fits: impl Fn(&str) -> bool) {
    remove_matching(window().and_then(|window| window.local_storage().ok()?), fits);
}

fn remove_matching(storage: Option<Storage>, fits: impl Fn(&str) -> bool) {
    let Some(storage) = storage else { return };
    let count = storage.length().unwrap_or(0);
    let keys: Vec<String> = (0..count).filter_map(|index| storage.key(index).ok()?).collect();
    for key in keys.iter().filter(|key| fits(key)) {
        let _ = storage.remove_item(key);
    }
}

/// Returns whether the browser lets this site store data.
pub fn can_store() -> bool {
    const KEY: &str = "cometchat-auth:test";
    let storage = window().and_then(|window| window.local_storage().ok()?);
    storage.is_some_and(|storage| storage.set_item(KEY, "").and_then(|()| storage.remove_item(KEY)).is_ok())
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
