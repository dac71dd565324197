//! The SDK's data in the browser's storage: the user with tokens in clear text, and settings. The SDK's
//! own logout removes both, but only if it was loaded and CometChat responds.

use crate::browser::storage::{has_local, remove_local};

/// The end of a user's key.
const USER: &str = ":common_store/user";

/// Removes the SDK's sessions, whatever app id they are stored under.
pub fn clear_session() {
    remove_local(is_session_key);
}

/// Returns whether the SDK has stored a session.
pub fn has_session() -> bool {
    has_local(|key| key.ends_with(USER))
}

/// Returns whether the key, of the form `{appId}:common_store/…`, belongs to a session. The SDK expects to
/// find its other keys (the app id and the device's id) again.
fn is_session_key(key: &str) -> bool {
    key.ends_with(USER) || key.ends_with(":common_store/app_settings")
}

#[cfg(test)]
mod tests {
    use super::is_session_key;

    #[test]
    fn user_and_settings_are_removed() {
        assert!(is_session_key("emulator:common_store/user"));
        assert!(is_session_key("1234567890abcdef:common_store/app_settings"));
    }

    #[test]
    fn app_and_device_ids_are_kept() {
        assert!(!is_session_key("emulator:common_store/appId"));
        assert!(!is_session_key("emulator:keys_store/deviceId"));
        assert!(!is_session_key("user"));
    }
}
