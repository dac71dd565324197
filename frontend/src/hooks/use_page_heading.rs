//! Announces a page change: by the document's title, and by the focus, which screen readers follow.

use crate::browser::dom;
use std::cell::Cell;
use web_sys::HtmlElement;
use yew::prelude::*;

thread_local! {
    /// Whether a page was shown since the document loaded. The first page is no change to announce, and the
    /// browser sets its focus.
    static IS_PAGE_SHOWN: Cell<bool> = const { Cell::new(false) };
}

/// Notes that another program has shown a page before this one started.
pub fn mark_page_shown() {
    IS_PAGE_SHOWN.set(true);
}

/// Sets the title and the focus of a page. The returned reference belongs to the page's `h1`, which needs
/// `tabindex="-1"`. `field` gets the focus on the first page, unless that would open a screen keyboard.
#[hook]
pub fn use_page_heading(title: &str, field: Option<&NodeRef>) -> NodeRef {
    let heading = use_node_ref();
    use_effect_with(title.to_owned(), |title| {
        if let Some(document) = dom::document() {
            document.set_title(&format!("{title} · Chat"));
        }
    });
    use_effect_with((), {
        let heading = heading.clone();
        let field = field.cloned();
        move |()| {
            let target = match (IS_PAGE_SHOWN.replace(true), field) {
                (true, _) => Some(heading),
                // A user who already types keeps the focus.
                (false, Some(field)) if dom::has_fine_pointer() && !dom::has_focus() => Some(field),
                (false, _) => None,
            };
            if let Some(element) = target.and_then(|target| target.cast::<HtmlElement>()) {
                let _ = element.focus();
            }
        }
    });
    heading
}
