//! Runs one browser test against the real system: `cometchat-auth` and `cometchat-emulator` as they
//! were built, on ports of their own, and a headless Chromium with the unmodified SDK in the page.
//!
//! A test is a [`Scenario`] with a body, which gets a [`TestContext`]. Every test has its own system and
//! browser, so tests run in parallel. They wait for conditions ([`Page::see`], [`eventually`]) and never
//! sleep. After the body, the browser's console may have only the errors that the scenario expects. A failed
//! test keeps a screenshot, the page's source, the console and the logs in `target/e2e/<test>/`.
//!
//! Tests use the system as a user, an operator or CometChat does, without knowledge of its internals.

mod artifacts;
mod page;
mod scenario;
mod users;

pub use artifacts::screenshots;
pub use page::{Page, Scheme};
pub use scenario::{Scenario, TestContext};
pub use users::{DEMO, GRACE, User};

pub use anyhow::{Context, Result, ensure};
pub use test_support::TIMEOUT;

/// Matches the page while it is connected to CometChat.
pub const CONNECTED: &str = "#chat-status[data-state=connected]";

/// Polls until the result is `Some`, and fails with `what` after [`TIMEOUT`]. An `Err` ends the wait at once.
pub async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Result<Option<T>>) -> Result<T> {
    let found = test_support::poll(async || ask().await.transpose()).await;
    found.with_context(|| format!("timed out waiting for {what}"))?
}
