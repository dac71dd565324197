//! Settings of the CometChat cloud or of the emulator.

use super::CometChat;
use super::parse::Reader;
use crate::cometchat::client::Endpoint;
use shared::Secret;
use url::Url;

/// Defaults of the emulator. The cloud's configuration rejects its API key.
const EMULATOR_APP_ID: &str = "emulator";
const EMULATOR_REGION: &str = "us";
pub(super) const EMULATOR_API_KEY: &str = "emulator-rest-api-key";

/// The settings of an account at CometChat.
const ACCOUNT: [&str; 3] = ["COMETCHAT_APP_ID", "COMETCHAT_REGION", "COMETCHAT_API_KEY"];

impl Reader<'_> {
    pub(super) fn cometchat(&mut self, public_url: Option<&Url>) -> Option<CometChat> {
        let calls_per_minute = self.number("COMETCHAT_CALLS_PER_MINUTE");
        if self.sources.get("COMETCHAT_EMULATOR_URL").is_some() {
            return self.emulator(public_url, calls_per_minute);
        }
        let api_key = self.api_key();
        for name in ["COMETCHAT_APP_ID", "COMETCHAT_REGION"] {
            if self.text(name).is_none() {
                self.error(name, "is missing; copy it from your app's page in CometChat's dashboard");
            }
        }
        let app_id = self.app_id();
        let region = self.one_of("COMETCHAT_REGION");
        match &api_key {
            None => self.error(
                "COMETCHAT_API_KEY",
                "is missing; create a REST API key (scope fullAccess) under API & Auth Keys in CometChat's dashboard",
            ),
            Some(key) if key.expose() == EMULATOR_API_KEY => self.error(
                "COMETCHAT_API_KEY",
                "is the key of the emulator; set COMETCHAT_EMULATOR_URL or the key of your app",
            ),
            Some(_) => {}
        }
        let (app_id, region) = (app_id?, region?.to_owned());
        let base = Url::parse(&format!("https://{app_id}.api-{region}.cometchat.io/v3")).ok()?;
        let endpoint = Endpoint { base, app_id, api_key: api_key? };
        Some(CometChat { endpoint, region, emulator: None, calls_per_minute: calls_per_minute? })
    }

    fn app_id(&mut self) -> Option<String> {
        let app_id = self.sources.get("COMETCHAT_APP_ID")?;
        if !app_id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            self.error("COMETCHAT_APP_ID", format_args!("{app_id:?} may only have letters and digits"));
        }
        Some(app_id.to_owned())
    }

    /// Returns the API key. It is sent in a header, so a character from a web page or a broken file would fail every call.
    fn api_key(&mut self) -> Option<Secret> {
        let key = self.secret("COMETCHAT_API_KEY")?;
        if !key.expose().bytes().all(|byte| byte.is_ascii_graphic()) {
            self.error("COMETCHAT_API_KEY", "may only have ASCII characters without spaces; copy it again");
        }
        Some(key)
    }

    fn emulator(&mut self, public_url: Option<&Url>, calls_per_minute: Option<u32>) -> Option<CometChat> {
        if public_url.is_some_and(|url| url.scheme() == "https") {
            self.error(
                "COMETCHAT_EMULATOR_URL",
                "is for development; it cannot be used with an https PUBLIC_URL",
            );
        }
        if ACCOUNT.iter().all(|name| self.sources.is_set(name)) {
            self.error(
                "COMETCHAT_EMULATOR_URL",
                "replaces the cloud, although the settings of your CometChat account are set; remove this one, or those",
            );
        }
        let app_id = self.app_id().unwrap_or_else(|| EMULATOR_APP_ID.to_owned());
        let region = self.one_of("COMETCHAT_REGION").unwrap_or(EMULATOR_REGION).to_owned();
        let api_key = self.api_key();
        let emulator = self.origin("COMETCHAT_EMULATOR_URL")?;
        if emulator.scheme() != "http" {
            self.error("COMETCHAT_EMULATOR_URL", "must be http; the emulator has no TLS");
        }
        let endpoint = Endpoint {
            base: emulator.join("v3").ok()?,
            app_id,
            api_key: api_key.unwrap_or_else(|| Secret::new(EMULATOR_API_KEY)),
        };
        Some(CometChat { endpoint, region, emulator: Some(emulator), calls_per_minute: calls_per_minute? })
    }
}
