//! What the SDK leaves in the browser's storage: the user with tokens in clear text, and settings. Its
//! own logout removes both, but only where it was loaded and got that far.

use crate::browser;

/// Removes every token of the SDK, whichever app id it was kept under.
pub fn forget() {
    let Some(storage) = browser::window().and_then(|window| window.local_storage().ok()?) else { return };
    let count = storage.length().unwrap_or(0);
    let keys: Vec<String> = (0..count).filter_map(|index| storage.key(index).ok()?).collect();
    for key in keys.iter().filter(|key| belongs_to_a_session(key)) {
        let _ = storage.remove_item(key);
    }
}

/// The SDK's keys are `{appId}:common_store/…`. The app id and the device's id outlive a sign-out, and
/// the SDK expects to find them again.
fn belongs_to_a_session(key: &str) -> bool {
    key.ends_with(":common_store/user") || key.ends_with(":common_store/app_settings")
}

#[cfg(test)]
mod tests {
    use super::belongs_to_a_session;

    #[test]
    fn the_user_with_its_tokens_and_the_settings_go() {
        assert!(belongs_to_a_session("emulator:common_store/user"));
        assert!(belongs_to_a_session("1234567890abcdef:common_store/app_settings"));
    }

    #[test]
    fn what_the_sdk_needs_for_the_next_sign_in_stays() {
        assert!(!belongs_to_a_session("emulator:common_store/appId"));
        assert!(!belongs_to_a_session("emulator:keys_store/deviceId"));
        assert!(!belongs_to_a_session("user"));
    }
}
