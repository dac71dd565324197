//! A password field with a button that shows the password.

use super::field::{Field, field};
use super::icon::{Glyph, icon};
use web_sys::HtmlInputElement;
use yew::prelude::*;

/// Renders the field. The button calls `on_show` with whether to show the password.
pub fn password_field(of: Field, shown: bool, on_show: Callback<bool>) -> Html {
    let toggle = {
        let input = of.input.clone();
        move |_| {
            if let Some(input) = input.cast::<HtmlInputElement>() {
                // Browsers move the cursor to the start when the type of a field changes.
                let (start, end) = (input.selection_start(), input.selection_end());
                input.set_type(kind(!shown));
                if let (Ok(Some(start)), Ok(Some(end))) = (start, end) {
                    let _ = input.set_selection_range(start, end);
                }
            }
            on_show.emit(!shown);
        }
    };
    let id = of.id;
    let end = html! {
        // The button must not take the focus from the field.
        <button
            id={format!("show-{id}")}
            class="toggle-password"
            type="button"
            aria-label={if shown { "Hide password" } else { "Show password" }}
            aria-pressed={if shown { "true" } else { "false" }}
            aria-controls={id}
            onmousedown={|event: MouseEvent| event.prevent_default()}
            onclick={toggle}
        >
            { icon(if shown { Glyph::EyeClosed } else { Glyph::Eye }) }
        </button>
    };
    field(Field { kind: kind(shown), ..of }, end)
}

const fn kind(shown: bool) -> &'static str {
    if shown { "text" } else { "password" }
}
