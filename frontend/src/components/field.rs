//! One underlined field with its label above it and what is wrong with it below. What is typed stays in
//! the element: password managers fill it without telling anybody.

use yew::prelude::*;

/// What a field is.
#[derive(Clone)]
pub struct Field {
    /// The element's id.
    pub id: &'static str,
    /// What it is called on the wire.
    pub name: &'static str,
    pub label: &'static str,
    pub input: NodeRef,
    /// The element's `type`.
    pub kind: &'static str,
    pub autocomplete: &'static str,
    pub fault: Option<AttrValue>,
    /// The id of an element that explains it.
    pub hint_id: Option<&'static str>,
}

/// The field, and `end` at the end of its line.
pub fn field(field: Field, end: Html) -> Html {
    let Field { id, name, label, input, kind, autocomplete, fault, hint_id } = field;
    let fault_id = fault.is_some().then(|| format!("{id}-fault"));
    let described_by = match (&fault_id, hint_id) {
        (Some(fault), Some(hint)) => Some(format!("{fault} {hint}")),
        (Some(only), None) => Some(only.clone()),
        (None, only) => only.map(str::to_owned),
    };
    html! {
        <div class="field">
            <label for={id}>{ label }</label>
            <div class="line">
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
                    aria-invalid={fault.is_some().then_some("true")}
                    aria-describedby={described_by}
                />
                { end }
            </div>
            if let Some(fault) = fault {
                <p id={fault_id} class="fault">{ fault }</p>
            }
        </div>
    }
}
