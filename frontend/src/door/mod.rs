//! The program that everybody loads: the forms to sign in and to register, and nothing that they do not need.
//!
//! It knows whether somebody is signed in, but not what comes after: [`enter`] loads that, and this program ends.

mod enter;
mod login;
mod register;
mod sent;
mod state;
mod unreachable;
mod use_door;

use crate::browser;
use crate::mark::Reason;
use crate::pages::NotFound;
pub use login::Login;
pub use register::Register;
use shared::routes::Way;
use state::Door;
use std::cell::RefCell;
use unreachable::Unreachable;
use use_door::{DoorHandle, use_door};
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

/// What a form is given.
#[derive(PartialEq, Properties)]
pub struct FormProps {
    door: DoorHandle,
    /// Why somebody who was signed in sees it.
    reason: Option<Reason>,
}

/// The form that a program of this kind is for.
pub trait Form: BaseComponent<Properties = FormProps> {
    #[doc(hidden)]
    const WAY: Way;
}

#[derive(PartialEq, Properties)]
struct Props {
    way: Way,
    /// See [`use_door`].
    open: bool,
}

#[component]
fn App<F: Form>(props: &Props) -> Html {
    let door = use_door(props.open);
    let is_open = matches!(door.state(), Door::Open { .. });
    let is_elsewhere = is_open && props.way == Way::Register && F::WAY != Way::Register;
    use_effect_with(is_elsewhere, {
        let door = door.clone();
        move |is_elsewhere| {
            if *is_elsewhere {
                spawn_local(async move { door.lead_on(enter::into_register().await) });
            }
        }
    });
    match (door.state(), props.way) {
        (Door::Unreachable { .. }, _) => {
            let on_again = Callback::from(move |()| door.check());
            html! { <Unreachable {on_again} /> }
        }
        (Door::Open { .. }, Way::Nowhere) => html! { <NotFound /> },
        (Door::Open { reason }, way) if way == F::WAY => html! { <F door={door.clone()} reason={*reason} /> },
        // For the blink that this usually takes, only the ground is seen.
        (Door::Asking | Door::Open { .. }, _) => html! {
            <main class="door" data-page="starting" aria-busy="true">
                <p class="patience" role="status">{ "One moment…" }</p>
            </main>
        },
    }
}

thread_local! {
    static END: RefCell<Option<Box<dyn FnOnce()>>> = const { RefCell::new(None) };
}

/// Takes over the page, and what the server has sent of it: the form, if nobody can be signed in.
pub fn start<F: Form>() {
    let Some(root) = browser::root() else { return };
    let open = root.has_child_nodes();
    let sent = sent::Sent::of(&root);
    let props = Props { way: Way::of(&browser::own_path()), open };
    let running = yew::Renderer::<App<F>>::with_root_and_props(root, props).render();
    // Yew renders in a task of its own, which comes first.
    spawn_local(async { sent.restore() });
    END.set(Some(Box::new(move || running.destroy())));
}

/// Ends this program, for the next one to have the page.
fn hand_over() {
    if let Some(end) = END.take() {
        end();
    }
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;
    use std::path::Path;

    /// Whether `frontend/prerendered/` has the form as it is rendered now; `make docs` writes it anew.
    async fn is_current<F: Form>(name: &str) {
        let props = || Props { way: F::WAY, open: true };
        let html = yew::ServerRenderer::<App<F>>::with_props(props).hydratable(false).render().await;
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("prerendered/{name}.html"));
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(&path, format!("{html}\n")).unwrap();
        }
        let sent = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(sent.trim(), html, "run `make docs`");
    }

    #[tokio::test]
    async fn the_prerendered_forms_are_what_the_programs_make_of_them() {
        is_current::<Login>("login").await;
        is_current::<Register>("register").await;
    }
}
