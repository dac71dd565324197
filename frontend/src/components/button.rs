//! The full-width button.

use super::live_text::live_text;
use yew::prelude::*;

/// The options of a button.
#[derive(Default)]
pub struct Button {
    pub id: Option<&'static str>,
    pub style: ButtonStyle,
    /// Without a handler the button submits its form.
    pub onclick: Option<Callback<MouseEvent>>,
    /// A request is under way. The button keeps the focus; its click handler must ignore clicks.
    pub busy: bool,
    pub unavailable: bool,
    /// The program is not running yet, so that not even Enter may submit the form.
    pub disabled: bool,
}

#[derive(Default, Clone, Copy)]
pub enum ButtonStyle {
    #[default]
    Plain,
    Quiet,
    /// For actions that cannot be undone.
    Danger,
}

pub fn button(button: Button, label: &'static str) -> Html {
    let variant = match button.style {
        ButtonStyle::Plain => None,
        ButtonStyle::Quiet => Some("quiet"),
        ButtonStyle::Danger => Some("danger"),
    };
    html! {
        <button
            id={button.id}
            class="button"
            data-variant={variant}
            type={if button.onclick.is_some() { "button" } else { "submit" }}
            disabled={button.disabled}
            aria-busy={button.busy.then_some("true")}
            aria-disabled={(button.busy || button.unavailable).then_some("true")}
            onclick={button.onclick}
        >
            { live_text(label) }
        </button>
    }
}
