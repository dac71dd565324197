//! What several pages do.

mod use_countdown;
mod use_live;
mod use_page;
mod use_password_length;

pub use use_countdown::use_countdown;
pub use use_live::use_live;
pub use use_page::{a_page_was_shown, use_page};
pub use use_password_length::use_password_length;
