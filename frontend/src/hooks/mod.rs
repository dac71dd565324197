//! What several pages do.

mod use_countdown;
mod use_page;
mod use_password_length;

pub use use_countdown::use_countdown;
pub use use_page::use_page;
pub use use_password_length::use_password_length;
