//! A text that may change while it is on the page.

use yew::prelude::*;

/// Renders the text in an element of its own, and another text in another element.
///
/// A browser that translates the page replaces text nodes. Yew then changes a node that is no longer on the page, or
/// panics when it inserts another node before it. An element stays, so Yew can replace it.
pub fn live_text(text: impl Into<AttrValue>) -> Html {
    let text: AttrValue = text.into();
    html! { <span key={text.as_str()}>{ text }</span> }
}
