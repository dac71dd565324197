//! Whether the program runs, as against a form that the build rendered.

use yew::prelude::*;

/// Returns `false` while prerendering and until the first render is done, then `true`.
#[hook]
pub fn use_mounted() -> bool {
    let is_mounted = use_state(|| false);
    use_effect_with((), {
        let is_mounted = is_mounted.setter();
        move |()| is_mounted.set(true)
    });
    *is_mounted
}
