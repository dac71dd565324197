//! Tells the person that the page has changed: by its title, and by the focus, which a screen reader
//! follows.

use crate::browser;
use std::cell::Cell;
use web_sys::HtmlElement;
use yew::prelude::*;

thread_local! {
    /// A page has been shown since the browser loaded us. Before that there is no change to tell of, and
    /// the focus is the browser's own matter.
    static SHOWN: Cell<bool> = const { Cell::new(false) };
}

/// Another program has shown a page before this one took over.
pub fn a_page_was_shown() {
    SHOWN.set(true);
}

/// Call it once in a page, and give what it returns to the page's `h1`, with `tabindex="-1"`. The
/// `field`, where there is one, gets the cursor when this is the first page and no keyboard would pop up.
#[hook]
pub fn use_page(title: &str, field: Option<&NodeRef>) -> NodeRef {
    let heading = use_node_ref();
    use_effect_with(title.to_owned(), |title| {
        if let Some(document) = browser::document() {
            document.set_title(&format!("{title} · Chat"));
        }
    });
    use_effect_with((), {
        let heading = heading.clone();
        let field = field.cloned();
        move |()| {
            let target = match (SHOWN.replace(true), field) {
                (true, _) => Some(heading),
                // Who has begun to type already goes on where they are.
                (false, Some(field)) if browser::has_fine_pointer() && !browser::has_focus() => Some(field),
                (false, _) => None,
            };
            if let Some(element) = target.and_then(|target| target.cast::<HtmlElement>()) {
                let _ = element.focus();
            }
        }
    });
    heading
}
