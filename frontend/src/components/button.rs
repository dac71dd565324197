//! The round button over the whole width.

use yew::prelude::*;

/// How it looks, and what a press of it does.
#[derive(Default)]
pub struct Button {
    pub id: Option<&'static str>,
    pub look: Look,
    /// Without one it sends the form that it is in.
    pub onclick: Option<Callback<MouseEvent>>,
    /// Something is under way. The button stays in the order of focus, so that nobody loses their place;
    /// whoever handles its clicks must let them pass.
    pub busy: bool,
    pub unavailable: bool,
    /// Nobody listens to it yet: then not even a press of Enter in the form may get through.
    pub disabled: bool,
}

#[derive(Default, Clone, Copy)]
pub enum Look {
    #[default]
    Plain,
    Quiet,
    /// What it does cannot be undone.
    Danger,
}

pub fn button(button: Button, words: &'static str) -> Html {
    let look = match button.look {
        Look::Plain => None,
        Look::Quiet => Some("quiet"),
        Look::Danger => Some("danger"),
    };
    html! {
        <button
            id={button.id}
            class="button"
            data-look={look}
            type={if button.onclick.is_some() { "button" } else { "submit" }}
            disabled={button.disabled}
            aria-busy={button.busy.then_some("true")}
            aria-disabled={(button.busy || button.unavailable).then_some("true")}
            onclick={button.onclick}
        >
            { words }
        </button>
    }
}
