//! The program that every visitor loads: the forms to sign in and to register.
//!
//! It knows whether a session exists, but nothing of the pages behind it: [`app_loader`] loads those and
//! this program ends.

mod app_loader;
mod form_snapshot;
mod login;
mod mount;
mod register;
mod state;
mod unreachable;
mod use_auth;

use crate::browser::{dom, navigation};
use crate::pages::NotFound;
use form_snapshot::FormSnapshot;
use login::Login;
use register::Register;
use shared::routes::LandingPage;
use state::AuthState;
use unreachable::Unreachable;
use use_auth::use_auth;
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

#[derive(PartialEq, Properties)]
struct Props {
    page: LandingPage,
    /// See [`use_auth`].
    is_prerendered: bool,
}

#[component]
fn App(props: &Props) -> Html {
    let auth = use_auth(props.is_prerendered);
    match (auth.state(), props.page) {
        (AuthState::Unreachable { .. }, _) => {
            let on_retry = Callback::from(move |()| auth.check());
            html! { <Unreachable {on_retry} /> }
        }
        (AuthState::SignedOut { .. }, LandingPage::NotFound) => html! { <NotFound /> },
        (AuthState::SignedOut { reason }, LandingPage::Login) => {
            html! { <Login auth={auth.clone()} reason={*reason} /> }
        }
        (AuthState::SignedOut { reason }, LandingPage::Register) => {
            html! { <Register auth={auth.clone()} reason={*reason} /> }
        }
        // The message appears after a delay, which most checks end before.
        (AuthState::Checking, _) => html! {
            <main class="centered-page" data-page="starting" aria-busy="true">
                <p class="loading" role="status">{ "Loading…" }</p>
            </main>
        },
    }
}

/// Takes over the page, and the form in it if the server sent one.
pub fn start() {
    let Some(root) = dom::root() else { return };
    let is_prerendered = root.has_child_nodes();
    let snapshot = FormSnapshot::take(&root);
    let props = Props { page: LandingPage::for_path(&navigation::current_path()), is_prerendered };
    mount::mount::<App>(root, props);
    // Yew renders in a task of its own, which was queued first.
    spawn_local(async { snapshot.restore() });
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;
    use std::path::Path;

    /// Compares a file of `frontend/prerendered/` with the form as it is rendered now; `make docs` writes it.
    async fn assert_current(page: LandingPage, name: &str) {
        let props = move || Props { page, is_prerendered: true };
        let html = yew::ServerRenderer::<App>::with_props(props).hydratable(false).render().await;
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("prerendered/{name}.html"));
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(&path, format!("{html}\n")).unwrap();
        }
        let written = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(written.trim(), html, "run `make docs`");
    }

    #[tokio::test]
    async fn prerendered_forms_are_current() {
        assert_current(LandingPage::Login, "login").await;
        assert_current(LandingPage::Register, "register").await;
    }
}
