//! CometChat in the browser: loading its SDK, signing in to it, and whether it can be used.
//!
//! Nothing here knows of pages. The only module that touches the SDK's functions is `sdk`; the only one
//! that decides what is shown is `state`.

mod connection;
mod loader;
pub mod messaging;
#[cfg(test)]
mod properties;
mod provider;
mod sdk;
mod state;
mod stored;

pub use loader::preload;
pub use provider::{ChatProvider, use_chat_status};
pub use sdk::replace_token;
pub use state::ChatStatus;
pub use stored::forget;

/// Signs out of CometChat as far as this browser can, and forgets its tokens in any case: also when the
/// SDK was never loaded here, and when CometChat does not answer.
pub async fn leave() {
    sdk::logout().await;
    stored::forget();
}
