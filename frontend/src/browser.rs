//! The few things asked of the browser itself. Each of them does nothing, or says nothing, where the
//! browser refuses it (storage can be switched off): the page works without all of them.

use crate::words;
use futures_util::future::{AbortHandle, abortable};
use js_sys::{Function, Promise};
use std::future::Future;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{Document, Element, Storage, Window};

/// None where there is no browser: the forms are also rendered without one, to be sent with the page.
pub fn window() -> Option<Window> {
    cfg!(target_arch = "wasm32").then(web_sys::window).flatten()
}

pub fn document() -> Option<Document> {
    window()?.document()
}

/// What every path of this site begins with: empty, or like `/chat`. The server has written it into the page.
pub fn base_path() -> String {
    let written = || document()?.query_selector("meta[name=base-path]").ok()??.get_attribute("content");
    written().unwrap_or_default()
}

/// The address of this path of the site.
pub fn address(path: &str) -> String {
    format!("{}{path}", base_path())
}

/// The path that is shown, without the base.
pub fn own_path() -> String {
    let path = window().and_then(|window| window.location().pathname().ok()).unwrap_or_default();
    path.strip_prefix(&base_path()).map(str::to_owned).unwrap_or(path)
}

/// Where the page goes. Empty, unless the server has sent a form with it.
pub fn root() -> Option<Element> {
    document()?.get_element_by_id("page")
}

#[wasm_bindgen]
extern "C" {
    /// `import()`, which is in `index.html`: WebAssembly has none of its own.
    #[wasm_bindgen(js_name = importModule)]
    pub fn import_module(address: &str) -> Promise;
    /// Adds the script to the page; beside the former.
    #[wasm_bindgen(js_name = loadScript)]
    pub fn load_script(address: &str) -> Promise;
}

/// Whether something on the page has the focus.
pub fn has_focus() -> bool {
    document()
        .and_then(|document| document.active_element())
        .is_some_and(|element| element.tag_name() != "BODY")
}

/// Whether a mouse is what this device is used with, as against a finger: then putting the cursor in a
/// field brings up no keyboard that covers half the page.
pub fn has_fine_pointer() -> bool {
    window()
        .and_then(|w| w.match_media("(hover: hover) and (pointer: fine)").ok()?)
        .is_some_and(|q| q.matches())
}

/// Shows the line of `index.html` that is there for it. For who has nothing left to say it with.
pub fn say_that_it_failed() {
    if let Some(line) = document().and_then(|document| document.get_element_by_id("late")) {
        let _ = line.remove_attribute("hidden");
    }
}

/// Where a typed address leads, without a user name, and the text that says so; `None` if it is no address.
pub fn link_target(typed: &str) -> Option<(String, String)> {
    let url = web_sys::Url::new(typed).ok()?;
    // `https://good.example@evil.example/` is of evil.example.
    url.set_username("");
    url.set_password("");
    let href = url.href();
    let text = words::link_text(typed, &url.origin(), &href);
    Some((href, text))
}

/// Loads the page anew, where it is.
pub fn reload() {
    if let Some(window) = window() {
        let _ = window.location().reload();
    }
}

/// The minute in which the page was last loaded anew by itself.
pub const RELOADED: &str = "cometchat-auth:reloaded";
const RELOAD_AGAIN_MINUTES: u32 = 5;

/// Loads the page anew where nothing else helps: seldom enough to disturb nobody where that does not help either, and
/// often enough to end some day.
pub fn reload_once_in_a_while() {
    // Whole minutes: to read and write a fraction takes 20 kB of code.
    let now = (now_ms() / 60_000.0) as u32;
    let last = tab::kept(RELOADED).and_then(|text| text.parse::<u32>().ok());
    if last.is_none_or(|last| now.saturating_sub(last) > RELOAD_AGAIN_MINUTES) {
        tab::keep(RELOADED, &now.to_string());
        reload();
    }
}

/// Loads the start page anew, and leaves no way back to the page before it.
pub fn restart() {
    if let Some(window) = window() {
        let _ = window.location().replace(&address("/"));
    }
}

pub fn now_ms() -> f64 {
    js_sys::Date::now()
}

/// Something that runs beside the page, and stops when this is dropped.
pub struct Task(AbortHandle);

impl Task {
    pub fn spawn(work: impl Future<Output = ()> + 'static) -> Self {
        let (work, handle) = abortable(work);
        spawn_local(async move {
            let _ = work.await;
        });
        Self(handle)
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Comes to nothing (`undefined`) after `millis`.
pub fn timer(millis: u32) -> Promise {
    Promise::new(&mut |done, _| set_timer(&done, millis))
}

/// Ends after `millis`, or as soon as the browser says that the network is back.
pub async fn sleep_unless_online(millis: u32) {
    let mut waiting = None;
    let over = Promise::new(&mut |done, _| {
        set_timer(&done, millis);
        if let Some(window) = window() {
            let _ = window.add_event_listener_with_callback("online", &done);
        }
        waiting = Some(done);
    });
    let _ = JsFuture::from(over).await;
    if let (Some(window), Some(waiting)) = (window(), waiting) {
        let _ = window.remove_event_listener_with_callback("online", &waiting);
    }
}

fn set_timer(done: &Function, millis: u32) {
    if let Some(window) = window() {
        let millis = i32::try_from(millis).unwrap_or(i32::MAX);
        let _ = window.set_timeout_with_callback_and_timeout_and_arguments_0(done, millis);
    }
}

/// What this tab keeps over a reload.
pub mod tab {
    use super::{Storage, window};

    fn storage() -> Option<Storage> {
        window()?.session_storage().ok()?
    }

    pub fn keep(key: &str, value: &str) {
        if let Some(storage) = storage() {
            let _ = storage.set_item(key, value);
        }
    }

    pub fn kept(key: &str) -> Option<String> {
        storage()?.get_item(key).ok()?
    }

    /// Forgets everything whose key begins so.
    pub fn drop_all(prefix: &str) {
        let Some(storage) = storage() else { return };
        let count = storage.length().unwrap_or(0);
        let keys: Vec<String> = (0..count).filter_map(|index| storage.key(index).ok()?).collect();
        for key in keys.iter().filter(|key| key.starts_with(prefix)) {
            let _ = storage.remove_item(key);
        }
    }

    pub fn drop(key: &str) {
        if let Some(storage) = storage() {
            let _ = storage.remove_item(key);
        }
    }
}
