//! The settings that the routes need.

use super::cookie::CookiePolicy;
use crate::config::Config;
use shared::ClientConfig;
use url::Url;

/// The settings that the routes need.
pub struct HttpState {
    /// The prefix of every path: empty, or like `/chat`.
    pub base: String,
    pub client_config: ClientConfig,
    pub registration_is_open: bool,
    /// The origin of this server as browsers see it.
    pub origin: String,
    /// The login page of the app, in place of the web app's forms.
    pub login_url: Option<Url>,
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
            origin: config.public_url.origin().ascii_serialization(),
            login_url: config.login_url.clone(),
            cookies: CookiePolicy::new(&config.public_url, config.lifetime),
        }
    }
}
