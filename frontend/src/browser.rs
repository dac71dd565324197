//! The few things asked of the browser itself. Each of them does nothing, or says nothing, where the
//! browser refuses it (storage can be switched off): the page works without all of them.

use futures_util::StreamExt;
use futures_util::future::{AbortHandle, abortable, select};
use gloo_events::EventListener;
use gloo_timers::future::TimeoutFuture;
use std::future::Future;
use wasm_bindgen_futures::spawn_local;
use web_sys::{Document, Storage, Window};

pub fn window() -> Option<Window> {
    web_sys::window()
}

pub fn document() -> Option<Document> {
    window()?.document()
}

/// What every path of this site begins with: empty, or like `/chat`. The server has written it into the page.
pub fn base_path() -> String {
    let written = || document()?.query_selector("meta[name=base-path]").ok()??.get_attribute("content");
    written().unwrap_or_default()
}

/// Whether a mouse is what this device is used with, as against a finger: then putting the cursor in a
/// field brings up no keyboard that covers half the page.
pub fn has_fine_pointer() -> bool {
    window()
        .and_then(|w| w.match_media("(hover: hover) and (pointer: fine)").ok()?)
        .is_some_and(|q| q.matches())
}

/// Loads the page anew, where it is.
pub fn reload() {
    if let Some(window) = window() {
        let _ = window.location().reload();
    }
}

/// Loads the start page anew, and leaves no way back to the page before it.
pub fn restart() {
    if let Some(window) = window() {
        let _ = window.location().replace(&format!("{}/", base_path()));
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

/// Ends after `millis`, or as soon as the browser says that the network is back.
pub async fn sleep_unless_online(millis: u32) {
    let (sender, mut online) = futures_channel::mpsc::unbounded();
    let _listener = window().map(|window| {
        EventListener::new(&window, "online", move |_| {
            let _ = sender.unbounded_send(());
        })
    });
    select(TimeoutFuture::new(millis), online.next()).await;
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
