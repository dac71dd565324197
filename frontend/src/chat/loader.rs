//! Gets CometChat's SDK into the page: once, when somebody is about to need it. It is six times the size of the form,
//! so nobody pays for it before they type.

use super::sdk::SdkError;
use crate::once::Once;
use crate::{api, browser};
use shared::ClientConfig;
use std::rc::Rc;

/// Where index.html puts the SDK, under the base path. The version is in the path so that a browser may keep it for ever.
const SDK: &str = "/cometchat-sdk-4.2.0/CometChat.js";

/// A script is no call: a slow line may well take longer than the limit on those.
const LIMIT_MS: u32 = 30_000;

thread_local! {
    static SDK_LOAD: Rc<Once<Rc<ClientConfig>, SdkError>> = Rc::new(Once::new());
}

/// Has the browser fetch the SDK, and nothing more. A failure does not matter: [`load`] tries again.
pub fn preload() {
    let sdk = browser::address(SDK);
    let Some(document) = browser::document() else { return };
    if let (Ok(link), Some(head)) = (document.create_element("link"), document.head())
        && document.query_selector("link[data-sdk]").is_ok_and(|found| found.is_none())
    {
        for (name, value) in [("rel", "prefetch"), ("href", &sdk), ("data-sdk", "")] {
            let _ = link.set_attribute(name, value);
        }
        let _ = head.append_child(&link);
    }
}

/// The SDK is in the page when this ends well; then it gives what the SDK is started with.
pub async fn load() -> Result<Rc<ClientConfig>, SdkError> {
    SDK_LOAD.with(Rc::clone).get(fetch).await
}

async fn fetch() -> Result<Rc<ClientConfig>, SdkError> {
    let config = api::config().await.map_err(|_| SdkError::NotLoaded)?;
    if let Some(url) = &config.emulator_url {
        // The SDK speaks TLS only; this lets it reach an emulator on this machine.
        script(&format!("{}/emulator/shim.js", url.trim_end_matches('/'))).await?;
    }
    script(&browser::address(SDK)).await?;
    Ok(config)
}

async fn script(address: &str) -> Result<(), SdkError> {
    let loaded = super::sdk::settle(Ok(browser::load_script(address)), LIMIT_MS).await;
    loaded.map(drop).map_err(|_| SdkError::NotLoaded)
}

/// Host and port of an emulator's address, as the SDK wants to be told it.
pub fn host(url: &str) -> &str {
    let host = url.split_once("://").map_or(url, |(_, rest)| rest);
    host.split('/').next().unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_build_puts_the_sdk_where_it_is_loaded_from() {
        let (folder, file) = SDK.trim_start_matches('/').split_once('/').unwrap();
        let page = include_str!("../../index.html");
        assert!(page.contains(&format!("data-target-path=\"{folder}\"")));
        assert!(page.contains(&format!("/{file}\"")));
    }

    #[test]
    fn the_path_names_the_version_that_npm_installs() {
        let packages: serde_json::Value = serde_json::from_str(include_str!("../../package.json")).unwrap();
        let version = packages["dependencies"]["@cometchat/chat-sdk-javascript"].as_str().unwrap();
        assert!(SDK.starts_with(&format!("/cometchat-sdk-{version}/")));
    }

    #[test]
    fn an_emulators_host_is_its_address_without_scheme_and_path() {
        assert_eq!(host("http://localhost:4000"), "localhost:4000");
        assert_eq!(host("http://127.0.0.1:4000/"), "127.0.0.1:4000");
    }
}
