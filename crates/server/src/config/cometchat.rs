//! Which CometChat: the cloud, by three settings that stand in its dashboard, or the emulator.

use super::CometChat;
use super::parse::Reader;
use crate::cometchat::client::Endpoint;
use shared::Secret;
use url::Url;

/// What the emulator takes when it is told nothing else. A start without the emulator refuses the key.
const EMULATOR_APP_ID: &str = "emulator";
const EMULATOR_REGION: &str = "us";
pub(super) const EMULATOR_API_KEY: &str = "emulator-rest-api-key";

impl Reader<'_> {
    pub(super) fn cometchat(&mut self, public_url: Option<&Url>) -> Option<CometChat> {
        let calls = self.number("COMETCHAT_CALLS_PER_MINUTE", 60, 10_000_000);
        let calls_per_minute = calls.and_then(|calls| u32::try_from(calls).ok());
        if self.sources.get("COMETCHAT_EMULATOR_URL").is_some() {
            return self.emulator(public_url, calls_per_minute);
        }
        let api_key = self.secret("COMETCHAT_API_KEY");
        let (app_id, region) = (self.text("COMETCHAT_APP_ID"), self.text("COMETCHAT_REGION"));
        for (name, value) in [("COMETCHAT_APP_ID", app_id), ("COMETCHAT_REGION", region)] {
            if value.is_none() {
                self.error(name, "is missing; it stands on your app's page in CometChat's dashboard");
            }
        }
        let alphanumeric = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if let Some(app_id) = app_id.filter(|app_id| !alphanumeric(app_id)) {
            self.error("COMETCHAT_APP_ID", format_args!("{app_id:?} has characters that no app id has"));
        }
        if let Some(region) = region.filter(|region| !["us", "eu", "in"].contains(region)) {
            self.error("COMETCHAT_REGION", format_args!("{region:?} is none of us, eu, in"));
        }
        match &api_key {
            None => {
                let words = "is missing; make a REST API key (scope fullAccess) under API & Auth Keys in CometChat's dashboard";
                self.error("COMETCHAT_API_KEY", words);
            }
            Some(key) if key.expose() == EMULATOR_API_KEY => {
                self.error(
                    "COMETCHAT_API_KEY",
                    "is the emulator's; set COMETCHAT_EMULATOR_URL or use your own",
                );
            }
            Some(_) => {}
        }
        let (app_id, region) = (app_id?.to_owned(), region?.to_owned());
        let base = Url::parse(&format!("https://{app_id}.api-{region}.cometchat.io/v3")).ok()?;
        let endpoint = Endpoint { base, app_id, api_key: api_key? };
        Some(CometChat { endpoint, region, emulator: None, calls_per_minute: calls_per_minute? })
    }

    fn emulator(&mut self, public_url: Option<&Url>, calls_per_minute: Option<u32>) -> Option<CometChat> {
        if public_url.is_some_and(|url| url.scheme() == "https") {
            self.error("COMETCHAT_EMULATOR_URL", "is for trying things out: not with a PUBLIC_URL of https");
        }
        let emulator = self.origin("COMETCHAT_EMULATOR_URL")?;
        if emulator.scheme() != "http" {
            self.error("COMETCHAT_EMULATOR_URL", "the emulator speaks http, not https");
        }
        let or = |value: Option<&str>, default: &str| value.unwrap_or(default).to_owned();
        let endpoint = Endpoint {
            base: emulator.join("v3").ok()?,
            app_id: or(self.sources.get("COMETCHAT_APP_ID"), EMULATOR_APP_ID),
            api_key: self.secret("COMETCHAT_API_KEY").unwrap_or_else(|| Secret::new(EMULATOR_API_KEY)),
        };
        let region = or(self.sources.get("COMETCHAT_REGION"), EMULATOR_REGION);
        Some(CometChat { endpoint, region, emulator: Some(emulator), calls_per_minute: calls_per_minute? })
    }
}
