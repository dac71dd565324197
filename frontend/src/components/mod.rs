//! Reusable parts of pages. They get everything they show as properties.
//!
//! The forms must load fast. So parts without state are functions, because a component adds a kilobyte of
//! WebAssembly, and variants are attributes, because computed classes add three.

mod avatar;
mod button;
mod card;
mod chat_indicator;
mod field;
mod icon;
mod live_text;
mod notice;
mod password_field;

pub use avatar::Avatar;
pub use button::{Button, ButtonStyle, button};
pub use card::card;
pub use chat_indicator::ChatIndicator;
pub use field::{Field, field};
pub use icon::{Glyph, icon};
pub use live_text::live_text;
pub use notice::{NoticeKind, notice};
pub use password_field::password_field;
