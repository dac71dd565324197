//! Parts of pages. They are given everything they show, and keep nothing but what is on the screen.

mod avatar;
mod button;
mod card;
mod chat_indicator;
mod field;
mod icon;
mod new_password_field;
mod note;
mod password_field;

pub use avatar::Avatar;
pub use button::Button;
pub use card::Card;
pub use chat_indicator::ChatIndicator;
pub use field::Field;
pub use icon::{Glyph, Icon};
pub use new_password_field::NewPasswordField;
pub use note::{Note, Tone};
pub use password_field::PasswordField;
