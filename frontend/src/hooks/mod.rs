//! Hooks that several pages use.

mod use_countdown;
mod use_mounted;
mod use_page_heading;
mod use_password_min_length;

pub use use_countdown::use_countdown;
pub use use_mounted::use_mounted;
pub use use_page_heading::{mark_page_shown, use_page_heading};
pub use use_password_min_length::use_password_min_length;
