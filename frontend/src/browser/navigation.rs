//! Addresses: of this site, of the page that is shown, and of links in messages.

use super::dom::{document, window};
use super::storage::tab;
use super::timer::now_ms;
use crate::text;

/// Returns the path that this site is served under: empty, or like `/chat`. The server writes it into the page.
pub fn base_path() -> String {
    let content = || document()?.query_selector("meta[name=base-path]").ok()??.get_attribute("content");
    content().unwrap_or_default()
}

/// Returns the URL of a path of this site.
pub fn url(path: &str) -> String {
    format!("{}{path}", base_path())
}

/// Returns the path of the page that is shown, without the base path.
pub fn current_path() -> String {
    let path = window().and_then(|window| window.location().pathname().ok()).unwrap_or_default();
    path.strip_prefix(&base_path()).map(str::to_owned).unwrap_or(path)
}

/// Returns where a typed address leads, without user name and password, and the text that shows it.
pub fn link_target(typed: &str) -> Option<(String, String)> {
    let url = web_sys::Url::new(typed).ok()?;
    // `https://good.example@evil.example/` leads to evil.example.
    url.set_username("");
    url.set_password("");
    let href = url.href();
    let text = text::link_text(typed, &url.origin(), &href);
    Some((href, text))
}

pub fn reload() {
    if let Some(window) = window() {
        let _ = window.location().reload();
    }
}

/// Storage key of the minute in which [`reload_if_not_recent`] last reloaded the page.
pub const RELOADED_KEY: &str = "cometchat-auth:reloaded";
const RELOAD_INTERVAL_MINUTES: u32 = 5;

/// Reloads the page unless it was reloaded in the last minutes: if a reload does not help, the page must
/// stay usable.
pub fn reload_if_not_recent() {
    // Whole minutes: parsing and formatting a fraction adds 20 kB of code.
    let now = (now_ms() / 60_000.0) as u32;
    let last = tab::get(RELOADED_KEY).and_then(|text| text.parse::<u32>().ok());
    if last.is_none_or(|last| now.saturating_sub(last) > RELOAD_INTERVAL_MINUTES) {
        tab::set(RELOADED_KEY, &now.to_string());
        reload();
    }
}

/// Loads the start page in place of this one, so that the back button does not return here.
pub fn replace_with_start_page() {
    if let Some(window) = window() {
        let _ = window.location().replace(&url("/"));
    }
}
