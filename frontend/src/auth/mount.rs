//! The mounted Yew app of this program, which ends when the next program takes over the page.

use std::cell::RefCell;
use web_sys::Element;
use yew::BaseComponent;

thread_local! {
    static UNMOUNT: RefCell<Option<Box<dyn FnOnce()>>> = const { RefCell::new(None) };
}

/// Renders the component into the element.
pub fn mount<C: BaseComponent>(root: Element, props: C::Properties) {
    let app = yew::Renderer::<C>::with_root_and_props(root, props).render();
    UNMOUNT.set(Some(Box::new(move || app.destroy())));
}

/// Removes the component from the page.
pub fn unmount() {
    if let Some(unmount) = UNMOUNT.take() {
        unmount();
    }
}
