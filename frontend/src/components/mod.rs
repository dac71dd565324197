//! Parts of pages. They are given everything they show, and keep nothing but what is on the screen.
//!
//! The forms must be light. So what has no state of its own is a function, because a component costs a kilobyte of
//! WebAssembly; and what changes the look of something is an attribute, because computed classes cost three.

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
pub use button::{Button, Look, button};
pub use card::card;
pub use chat_indicator::ChatIndicator;
pub use field::{Field, field};
pub use icon::{Glyph, icon};
pub use new_password_field::NewPasswordField;
pub use note::{About, note};
pub use password_field::password_field;
