//! The input that the user typed into the prerendered form before the program ran.

use crate::browser::dom;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlInputElement};

/// The fields' values by element id, and the cursor's position.
pub struct FormSnapshot {
    values: Vec<(String, String)>,
    focus: Option<(String, Option<(u32, u32)>)>,
}

impl FormSnapshot {
    pub fn take(root: &Element) -> Self {
        let inputs = root.query_selector_all("input").ok();
        let inputs =
            inputs.iter().flat_map(|inputs| (0..inputs.length()).filter_map(|index| inputs.get(index)));
        let inputs = inputs.filter_map(|node| node.dyn_into::<HtmlInputElement>().ok());
        let values =
            inputs.map(|input| (input.id(), input.value())).filter(|(_, value)| !value.is_empty()).collect();
        let focused = dom::document().and_then(|document| document.active_element());
        let focused = focused.and_then(|element| element.dyn_into::<HtmlInputElement>().ok());
        let focus = focused.map(|input| {
            let (start, end) = (input.selection_start().ok().flatten(), input.selection_end().ok().flatten());
            (input.id(), start.zip(end))
        });
        Self { values, focus }
    }

    /// Fills the fields that now have these ids.
    pub fn restore(self) {
        let field = |id: &str| {
            let element = dom::document()?.get_element_by_id(id)?;
            element.dyn_into::<HtmlInputElement>().ok()
        };
        for (id, value) in &self.values {
            if let Some(input) = field(id) {
                input.set_value(value);
            }
        }
        if let Some((id, selection)) = &self.focus
            && let Some(input) = field(id)
        {
            let _ = input.focus();
            if let Some((start, end)) = selection {
                let _ = input.set_selection_range(*start, *end);
            }
        }
    }
}
