//! Loads CometChat's SDK once, when the user is about to need it: it is six times as large as the form.

use super::error::{SdkError, call};
use crate::api;
use crate::browser::{dom, navigation};
use crate::shared_fetch::SharedFetch;
use shared::ClientConfig;
use std::rc::Rc;

/// The path that index.html gives the SDK. It has the version, so that browsers may cache the file forever.
const SDK: &str = "/cometchat-sdk-4.2.0/CometChat.js";

/// Longer than for a call: on a slow network the script takes a while.
const SCRIPT_TIMEOUT_MS: u32 = 30_000;

thread_local! {
    static SDK_LOAD: Rc<SharedFetch<Rc<ClientConfig>, SdkError>> = Rc::new(SharedFetch::new());
}

/// Has the browser fetch the SDK without running it. A failure does not matter: [`load`] tries again.
pub fn preload() {
    let sdk = navigation::url(SDK);
    let Some(document) = dom::document() else { return };
    if let (Ok(link), Some(head)) = (document.create_element("link"), document.head())
        && document.query_selector("link[data-sdk]").is_ok_and(|found| found.is_none())
    {
        for (name, value) in [("rel", "prefetch"), ("href", &sdk), ("data-sdk", "")] {
            let _ = link.set_attribute(name, value);
        }
        let _ = head.append_child(&link);
    }
}

/// Loads the SDK and returns the settings to start it with.
pub async fn load() -> Result<Rc<ClientConfig>, SdkError> {
    SDK_LOAD.with(Rc::clone).get(fetch).await
}

async fn fetch() -> Result<Rc<ClientConfig>, SdkError> {
    let config = api::config().await.map_err(|_| SdkError::NotLoaded)?;
    if let Some(url) = &config.emulator_url {
        // The SDK always uses TLS; the shim lets it reach the emulator without.
        load_script(&format!("{}/emulator/shim.js", url.trim_end_matches('/'))).await?;
    }
    load_script(&navigation::url(SDK)).await?;
    Ok(config)
}

async fn load_script(url: &str) -> Result<(), SdkError> {
    let loaded = call(Ok(dom::load_script(url)), SCRIPT_TIMEOUT_MS).await;
    loaded.map(drop).map_err(|_| SdkError::NotLoaded)
}

/// Returns the host and port of the emulator's URL.
pub fn host(url: &str) -> &str {
    let host = url.split_once("://").map_or(url, |(_, rest)| rest);
    host.split('/').next().unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sdk_path_matches_the_build() {
        let (folder, file) = SDK.trim_start_matches('/').split_once('/').unwrap();
        let page = include_str!("../../index.html");
        assert!(page.contains(&format!("data-target-path=\"{folder}\"")));
        assert!(page.contains(&format!("/{file}\"")));
    }

    #[test]
    fn sdk_path_has_the_installed_version() {
        let packages: serde_json::Value = serde_json::from_str(include_str!("../../package.json")).unwrap();
        let version = packages["dependencies"]["@cometchat/chat-sdk-javascript"].as_str().unwrap();
        assert!(SDK.starts_with(&format!("/cometchat-sdk-{version}/")));
    }

    #[test]
    fn host_is_the_url_without_scheme_and_path() {
        assert_eq!(host("http://localhost:4000"), "localhost:4000");
        assert_eq!(host("http://127.0.0.1:4000/"), "127.0.0.1:4000");
    }
}
