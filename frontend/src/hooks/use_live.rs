//! Whether the page is more than what the server has sent of it.

use yew::prelude::*;

/// `false` in what is sent with the page and until its program runs, then `true`.
#[hook]
pub fn use_live() -> bool {
    let live = use_state(|| false);
    use_effect_with((), {
        let live = live.setter();
        move |()| live.set(true)
    });
    *live
}
