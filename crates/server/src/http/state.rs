//! The settings that the routes need.

use super::cookie::CookiePolicy;
use crate::config::Config;
use shared::ClientConfig;

/// The settings that the routes need.
pub struct HttpState {
    /// The prefix of every path: empty, or like `/chat`.
    pub base: String,
    pub client_config: ClientConfig,
    pub registration_is_open: bool,
    pub cookies: CookiePolicy,
}

impl HttpState {
    pub fn new(config: &Config) -> Self {
        let emulator = config.cometchat.emulator.as_ref();
        Self {
            base: config.base_path().to_owned(),
            client_config: ClientConfig {
                app_id: config.cometchat.endpoint.app_id.clone(),
                region: config.cometchat.region.clone(),
                password_min_length: config.core.password_min_length,
                emulator_url: emulator.map(|url| url.origin().ascii_serialization()),
            },
            registration_is_open: config.registration_is_open,
            cookies: CookiePolicy::new(&config.public_url, config.lifetime),
        }
    }
}
