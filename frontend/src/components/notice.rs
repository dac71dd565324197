//! A message in a coloured box: an error, or an explanation of the page's state.

use super::icon::{Glyph, icon};
use yew::prelude::*;

/// The kind of a notice, with a name for programs.
pub enum NoticeKind {
    /// A failure. With another `count`, screen readers announce the same text again.
    Error { code: String, count: u32 },
    /// Why the user is signed out.
    SignedOut(&'static str),
    /// A completed action.
    Done(&'static str),
}

/// Renders the notice. Screen readers announce an error at once, and the others at the next pause.
pub fn notice(kind: NoticeKind, text: Html) -> Html {
    let (mut code, mut reason, mut done, mut key) = (None, None, None, 0);
    match kind {
        NoticeKind::Error { code: error, count } => (code, key) = (Some(error), count),
        NoticeKind::SignedOut(name) => reason = Some(name),
        NoticeKind::Done(name) => done = Some(name),
    }
    let (role, glyph) = match code {
        Some(_) => ("alert", Glyph::Warning),
        None => ("status", Glyph::Info),
    };
    html! {
        <p {key} class="notice" {role} data-code={code} data-reason={reason} data-done={done}>
            { icon(glyph) }
            <span>{ text }</span>
        </p>
    }
}
