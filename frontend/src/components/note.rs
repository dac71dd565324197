//! A sentence or two in a coloured box: what went wrong, or why the page looks as it does.

use super::{Glyph, icon};
use yew::prelude::*;

/// What it is about, for programs.
pub enum About {
    /// What went wrong. Another `count` makes another element of it, which is read out although the words may be the
    /// same.
    Trouble { code: String, count: u32 },
    /// Why nobody is signed in any more.
    SignedOut(&'static str),
    /// What was done.
    Done(&'static str),
}

/// Trouble is read out at once, and the rest when there is a pause.
pub fn note(about: About, words: Html) -> Html {
    let (mut code, mut reason, mut done, mut key) = (None, None, None, 0);
    match about {
        About::Trouble { code: what, count } => (code, key) = (Some(what), count),
        About::SignedOut(why) => reason = Some(why),
        About::Done(what) => done = Some(what),
    }
    let (role, glyph) = match code {
        Some(_) => ("alert", Glyph::Warning),
        None => ("status", Glyph::Info),
    };
    html! {
        <p {key} class="note" {role} data-code={code} data-reason={reason} data-done={done}>
            { icon(glyph) }
            <span>{ words }</span>
        </p>
    }
}
