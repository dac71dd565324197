//! The program for signed-in users.

use wasm_bindgen::prelude::wasm_bindgen;

/// Takes over the page. `user` is a `SignedInUser` in JSON; `auth::app_loader` calls this.
#[wasm_bindgen]
pub fn launch(user: &str) {
    frontend::app::start(user);
}

// Loading the program must not render anything yet.
fn main() {}
