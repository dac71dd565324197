//! What somebody has already typed into the form that the server has sent with the page, before the form is live.

use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlInputElement};

/// What is in the fields, and where the cursor is.
pub struct Sent {
    fields: Vec<(String, String)>,
    focus: Option<(String, Option<(u32, u32)>)>,
}

impl Sent {
    pub fn of(root: &Element) -> Self {
        let inputs = root.query_selector_all("input").ok();
        let inputs =
            inputs.iter().flat_map(|inputs| (0..inputs.length()).filter_map(|index| inputs.get(index)));
        let inputs = inputs.filter_map(|node| node.dyn_into::<HtmlInputElement>().ok());
        let fields =
            inputs.map(|input| (input.id(), input.value())).filter(|(_, typed)| !typed.is_empty()).collect();
        let focused = crate::browser::document().and_then(|document| document.active_element());
        let focused = focused.and_then(|element| element.dyn_into::<HtmlInputElement>().ok());
        let focus = focused.map(|input| {
            let place = (input.selection_start().ok().flatten(), input.selection_end().ok().flatten());
            (input.id(), place.0.zip(place.1))
        });
        Self { fields, focus }
    }

    /// Puts it into the fields of the same names that are there now.
    pub fn restore(self) {
        let field = |id: &str| {
            let element = crate::browser::document()?.get_element_by_id(id)?;
            element.dyn_into::<HtmlInputElement>().ok()
        };
        for (id, typed) in &self.fields {
            if let Some(input) = field(id) {
                input.set_value(typed);
            }
        }
        if let Some((id, place)) = &self.focus
            && let Some(input) = field(id)
        {
            let _ = input.focus();
            if let Some((start, end)) = place {
                let _ = input.set_selection_range(*start, *end);
            }
        }
    }
}
