//! The document: its elements, its focus and its scripts.

use js_sys::Promise;
use wasm_bindgen::prelude::*;
use web_sys::{Document, Element, Window};

/// Returns `None` outside a browser: the build renders the forms without one.
pub fn window() -> Option<Window> {
    cfg!(target_arch = "wasm32").then(web_sys::window).flatten()
}

pub fn document() -> Option<Document> {
    window()?.document()
}

/// Returns the element that the app renders into. It has children if the server sent a form with the page.
pub fn root() -> Option<Element> {
    document()?.get_element_by_id("page")
}

#[wasm_bindgen]
extern "C" {
    /// `import()`, defined in `index.html` because WebAssembly has none of its own.
    #[wasm_bindgen(js_name = importModule)]
    pub fn import_module(url: &str) -> Promise;
    /// Adds a classic script to the page; also defined in `index.html`.
    #[wasm_bindgen(js_name = loadScript)]
    pub fn load_script(url: &str) -> Promise;
}

/// Returns whether an element has the focus.
pub fn has_focus() -> bool {
    document()
        .and_then(|document| document.active_element())
        .is_some_and(|element| element.tag_name() != "BODY")
}

/// Returns whether the device is used with a mouse. On a touch device, focusing a field opens a keyboard
/// that covers half of the page.
pub fn has_fine_pointer() -> bool {
    window()
        .and_then(|w| w.match_media("(hover: hover) and (pointer: fine)").ok()?)
        .is_some_and(|q| q.matches())
}

/// Shows the error message of `index.html`: the last resort if Yew cannot render.
pub fn show_fatal_error() {
    if let Some(message) = document().and_then(|document| document.get_element_by_id("fatal-error")) {
        let _ = message.remove_attribute("hidden");
    }
}
