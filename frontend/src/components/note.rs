//! A sentence or two in a coloured box: what went wrong, or why the page looks as it does.

use super::{Glyph, Icon};
use yew::prelude::*;

#[derive(Clone, Copy, PartialEq)]
pub enum Tone {
    /// Read out at once. To have the same words read out again, give the note another `key`.
    Alert,
    Quiet,
}

#[derive(PartialEq, Properties)]
pub struct Props {
    pub tone: Tone,
    /// What went wrong, for programs.
    #[prop_or_default]
    pub code: Option<AttrValue>,
    /// Why nobody is signed in any more, for programs.
    #[prop_or_default]
    pub reason: Option<AttrValue>,
    /// What was done, for programs.
    #[prop_or_default]
    pub done: Option<AttrValue>,
    pub children: Html,
}

#[component]
pub fn Note(props: &Props) -> Html {
    let (role, class, glyph) = match props.tone {
        Tone::Alert => ("alert", "bad", Glyph::Warning),
        Tone::Quiet => ("status", "quiet", Glyph::Info),
    };
    html! {
        <p class={classes!("note", class)} {role} data-code={props.code.clone()} data-reason={props.reason.clone()} data-done={props.done.clone()}>
            <Icon {glyph} />
            <span>{ props.children.clone() }</span>
        </p>
    }
}
