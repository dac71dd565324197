//! What is loaded for whoever is signed in.

use wasm_bindgen::prelude::wasm_bindgen;

/// Takes over the page. `entry` is what `door` hands over, in JSON.
#[wasm_bindgen]
pub fn enter(entry: &str) {
    frontend::app::start(entry);
}

// Loading it does nothing yet.
fn main() {}
