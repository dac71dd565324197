//! A field for a password, which can be made readable.

use super::{Field, Glyph, field, icon};
use web_sys::HtmlInputElement;
use yew::prelude::*;

/// `shown`: the password can be read; `on_show` is told whether it shall be.
pub fn password_field(of: Field, shown: bool, on_show: Callback<bool>) -> Html {
    let toggle = {
        let input = of.input.clone();
        move |_| {
            if let Some(input) = input.cast::<HtmlInputElement>() {
                // Browsers put the cursor to the start when the type of a field changes.
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
        // A press must not take the cursor out of the field.
        <button
            id={format!("show-{id}")}
            class="show"
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
