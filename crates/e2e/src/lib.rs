//! Runs one browser test against the real system: `cometchat-auth` and `cometchat-emulator` as they
//! were built, on ports of their own, and a headless Chromium with the unmodified SDK in the page.
//!
//! A test is a [`Scenario`] with a body; what the body gets is a [`Stage`]. Every test has a system and
//! a browser to itself, so all of them run side by side. Tests wait for what is to be seen
//! ([`Page::see`], [`eventually`]) and never for time to pass. When the body is through, the browser's
//! console must hold nothing but what the scenario said it would provoke. A test that fails leaves a
//! picture, the page's source, the console and both processes' logs in `target/e2e/<test>/`.
//!
//! Nothing here knows how the server or the page are made inside: it sees what a person, an operator
//! or CometChat sees.

mod evidence;
mod page;
mod process;
mod scenario;
mod system;
mod wait;

pub use evidence::pictures;
pub use page::{Page, Scheme};
pub use scenario::{Scenario, Stage};
pub use system::{DEMO, GRACE, System, User};
pub use wait::{PATIENCE, eventually};

pub use anyhow::{Context, Result, ensure};
