//! An input field with its label above and its error below. The element keeps the value, because password
//! managers fill it without events.

use super::live_text::live_text;
use yew::prelude::*;

/// The description of a field.
#[derive(Clone)]
pub struct Field {
    /// The element's id.
    pub id: &'static str,
    /// The field's name in the API.
    pub name: &'static str,
    pub label: &'static str,
    pub input: NodeRef,
    /// The element's `type`.
    pub kind: &'static str,
    pub autocomplete: &'static str,
    pub error: Option<AttrValue>,
    /// The id of an element that explains the field.
    pub hint_id: Option<&'static str>,
}

/// Renders the field, with `end` after the input.
pub fn field(field: Field, end: Html) -> Html {
    let Field { id, name, label, input, kind, autocomplete, error, hint_id } = field;
    let error_id = error.is_some().then(|| format!("{id}-error"));
    let described_by = match (&error_id, hint_id) {
        (Some(error), Some(hint)) => Some(format!("{error} {hint}")),
        (Some(only), None) => Some(only.clone()),
        (None, only) => only.map(str::to_owned),
    };
    html! {
        <div class="field">
            <label for={id}>{ label }</label>
            <div class="input-row">
                <input
                    ref={input}
                    {id}
                    {name}
                    type={kind}
                    {autocomplete}
                    inputmode={(kind == "email").then_some("email")}
                    autocapitalize={if name == "name" { "words" } else { "none" }}
                    spellcheck="false"
                    aria-required="true"
                    aria-invalid={error.is_some().then_some("true")}
                    aria-describedby={described_by}
                />
                { end }
            </div>
            if let Some(error) = error {
                <p id={error_id} class="field-error">{ live_text(error) }</p>
            }
        </div>
    }
}
