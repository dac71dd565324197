//! Auth tokens, and the devices that use them.

use serde_json::{Value, json};

/// An auth token of a user.
#[derive(Debug, Clone)]
pub struct Token {
    pub secret: String,
    pub uid: String,
    pub jwt: String,
    pub created_at: u64,
    pub device: Device,
}

/// Properties of the device that uses a token, as it reported them.
#[derive(Debug, Clone, Default)]
pub struct Device {
    pub platform: Option<String>,
    pub user_agent: Option<String>,
    pub app_info: Option<Value>,
}

impl Token {
    /// Returns the JSON of the token.
    pub fn view(&self) -> Value {
        let mut view = json!({ "uid": self.uid, "authToken": self.secret, "createdAt": self.created_at });
        for (name, value) in [
            ("platform", self.device.platform.as_ref().map(|platform| json!(platform))),
            ("userAgent", self.device.user_agent.as_ref().map(|agent| json!(agent))),
            ("appInfo", self.device.app_info.clone()),
        ] {
            if let (Some(value), Some(view)) = (value, view.as_object_mut()) {
                view.insert(name.into(), value);
            }
        }
        view
    }
}
