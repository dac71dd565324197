//! CometChat in the browser: loading its SDK, signing in to it, and whether it can be used.
//!
//! Nothing here knows of pages. The only module that touches the SDK's functions is `sdk`; the only one
//! that decides what is shown is `state`.

mod connection;
mod loader;
pub mod messaging;
mod provider;
mod sdk;
mod state;
mod stored;

pub use provider::{ChatProvider, use_chat_status};
pub use state::ChatStatus;

/// Begins to fetch the SDK, so that it is there once somebody has signed in. A failure does not matter
/// yet: signing in tries again.
pub fn preload() {
    wasm_bindgen_futures::spawn_local(async { drop(loader::load().await) });
}

/// Signs out of CometChat as far as this browser can, and forgets its tokens in any case: also when the
/// SDK was never loaded here, and when CometChat does not answer.
pub async fn leave() {
    sdk::logout().await;
    stored::forget();
}
