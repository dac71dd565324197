//! A field for a password, which can be made readable.

use super::{Field, Glyph, Icon};
use web_sys::HtmlInputElement;
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct Props {
    pub id: AttrValue,
    #[prop_or_default]
    pub name: Option<AttrValue>,
    pub label: AttrValue,
    pub input: NodeRef,
    pub autocomplete: AttrValue,
    pub shown: bool,
    /// Is told whether it shall be shown.
    pub on_show: Callback<bool>,
    #[prop_or_default]
    pub fault: Option<AttrValue>,
    #[prop_or_default]
    pub hint_id: Option<AttrValue>,
}

#[component]
pub fn PasswordField(props: &Props) -> Html {
    let selection = use_mut_ref(|| None);
    let toggle = {
        let input = props.input.clone();
        let selection = selection.clone();
        let on_show = props.on_show.clone();
        let shown = props.shown;
        move |_| {
            selection.replace(
                input
                    .cast::<HtmlInputElement>()
                    .and_then(|input| Some((input.selection_start().ok()??, input.selection_end().ok()??))),
            );
            on_show.emit(!shown);
        }
    };
    // Browsers put the cursor to the start when the type of a field changes.
    use_effect_with(props.shown, {
        let input = props.input.clone();
        move |_| {
            if let (Some((start, end)), Some(input)) = (selection.take(), input.cast::<HtmlInputElement>()) {
                let _ = input.set_selection_range(start, end);
            }
        }
    });
    html! {
        <Field
            id={props.id.clone()}
            name={props.name.clone()}
            label={props.label.clone()}
            input={props.input.clone()}
            kind={if props.shown { "text" } else { "password" }}
            autocomplete={props.autocomplete.clone()}
            fault={props.fault.clone()}
            hint_id={props.hint_id.clone()}
        >
            // A press must not take the cursor out of the field.
            <button
                id={format!("show-{}", props.id)}
                class="show"
                type="button"
                aria-label={if props.shown { "Hide password" } else { "Show password" }}
                aria-pressed={props.shown.to_string()}
                aria-controls={props.id.clone()}
                onmousedown={|event: MouseEvent| event.prevent_default()}
                onclick={toggle}
            >
                <Icon glyph={if props.shown { Glyph::EyeClosed } else { Glyph::Eye }} />
            </button>
        </Field>
    }
}
