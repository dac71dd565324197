//! What the routes need to know of the settings.

use super::{client_ip, cookie, extract, middleware, static_files};
use crate::clock::Clock;
use crate::config::Config;
use shared::ClientConfig;

/// What the routes need to know of the settings.
pub struct HttpState {
    /// What every path begins with: empty, or like `/chat`.
    pub base: String,
    pub client_config: ClientConfig,
    pub registration_is_open: bool,
    pub cookies: cookie::CookiePolicy,
    pub origins: middleware::origin::OriginPolicy,
    pub proxies: client_ip::Proxies,
    pub headers: middleware::security_headers::HeaderPolicy,
    pub pages: static_files::StaticFiles,
    pub requests: middleware::request_context::RequestMetrics,
    pub refusals: extract::admission::RejectionLimiter,
}

impl HttpState {
    pub fn new(config: &Config, clock: Clock) -> Self {
        let pages = static_files::StaticFiles::load(config.base_path(), config.registration_is_open);
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
            cookies: cookie::CookiePolicy::new(&config.public_url, config.lifetime),
            origins: middleware::origin::OriginPolicy::new(&config.public_url, &config.allowed_origins),
            proxies: client_ip::Proxies(config.trusted_proxies.clone()),
            headers: middleware::security_headers::HeaderPolicy::new(config, &pages.inline),
            pages,
            requests: middleware::request_context::RequestMetrics::default(),
            refusals: extract::admission::RejectionLimiter::new(clock),
        }
    }

    /// This path without the part that every path here begins with.
    pub fn own_path<'a>(&self, path: &'a str) -> &'a str {
        path.strip_prefix(&self.base).unwrap_or(path)
    }
}
