//! Drives [`AuthState`]: asks the server whether a session exists, retries while it does not respond,
//! and launches the app for a signed-in user.

use super::app_loader::{self, LoadError};
use super::state::{AuthEvent, AuthState};
use crate::api::{self, RequestError};
use crate::browser::navigation;
use crate::browser::timer::sleep_unless_online;
use crate::form::FormHandle;
use crate::handoff::SignedInUser;
use crate::sign_out_reason::{self, SignOutReason};
use crate::{backoff, cometchat};
use shared::{FieldErrors, LoginResponse};
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

/// The state of the login pages, and the actions on it.
#[derive(Clone, PartialEq)]
pub struct AuthHandle {
    state: UseReducerHandle<AuthState>,
}

impl AuthHandle {
    pub fn state(&self) -> &AuthState {
        &self.state
    }

    /// Returns a handler that sends the form and launches the app. `read` makes the request from the form,
    /// with the errors in it. The form stays busy until the app has the page or could not be loaded.
    pub fn onsubmit<F>(
        &self,
        form: &FormHandle,
        read: impl Fn(&FormHandle) -> (FieldErrors, F) + 'static,
    ) -> Callback<SubmitEvent>
    where
        F: Future<Output = Result<LoginResponse, RequestError>> + 'static,
    {
        let (auth, form) = (self.clone(), form.clone());
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            let (errors, request) = read(&form);
            let auth = auth.clone();
            form.send(errors, async move {
                app_loader::preload();
                auth.report_load(app_loader::launch_app(&request.await?.into()).await);
                Ok(())
            });
        })
    }

    /// Returns a handler that preloads the app: a user who types is about to need it.
    pub fn oninput(&self, form: &FormHandle) -> Callback<InputEvent> {
        let edited = form.oninput();
        Callback::from(move |event| {
            app_loader::preload();
            edited.emit(event);
        })
    }

    /// An app that cannot be loaded means that the server cannot be reached.
    fn report_load(&self, loaded: Result<(), LoadError>) {
        if loaded.is_err() {
            self.state.dispatch(AuthEvent::NoResponse);
        }
    }

    /// Asks the server again whether a session exists.
    pub fn check(&self) {
        let state = self.state.dispatcher();
        spawn_local(async move {
            if let Some(event) = check_session().await {
                state.dispatch(event);
            }
        });
    }
}

/// The properties of both forms.
#[derive(PartialEq, Properties)]
pub struct FormProps {
    pub auth: AuthHandle,
    /// Why a user who was signed in sees the form.
    pub reason: Option<SignOutReason>,
}

/// The state of the login pages. `is_prerendered`: the server sent a form with the page, because the
/// browser had no session cookie.
#[hook]
pub fn use_auth(is_prerendered: bool) -> AuthHandle {
    let state =
        use_reducer(
            || {
                if is_prerendered { AuthState::SignedOut { reason: None } } else { AuthState::Checking }
            },
        );

    let attempts = match &*state {
        AuthState::Checking => Some(0),
        AuthState::Unreachable { attempts } => Some(*attempts),
        AuthState::SignedOut { .. } => None,
    };
    use_effect_with(attempts, {
        let state = state.dispatcher();
        move |attempts| {
            let Some(attempts) = *attempts else { return };
            spawn_local(async move {
                sleep_unless_online(backoff::delay_ms(attempts, js_sys::Math::random())).await;
                if let Some(event) = check_session().await {
                    state.dispatch(event);
                }
            });
        }
    });
    // An effect, because the prerendered form is the same for every tab.
    use_effect_with((), {
        let state = state.dispatcher();
        move |()| {
            if is_prerendered {
                state.dispatch(AuthEvent::NotSignedIn { saved: sign_out_reason::load() });
            }
        }
    });
    use_effect_with(state.clone(), |state| {
        if let AuthState::SignedOut { reason } = &**state {
            if *reason == Some(SignOutReason::Ended) {
                cometchat::clear_session();
            }
            sign_out_reason::clear();
        }
    });

    AuthHandle { state }
}

/// Launches the app if a session exists; otherwise returns what the server said.
async fn check_session() -> Option<AuthEvent> {
    match api::session().await {
        Ok(user) => {
            app_loader::launch_app(&SignedInUser::from(user)).await.err()?;
            // The server responds, but its files have other names: this page is of an earlier version.
            navigation::reload_if_not_recent();
            Some(AuthEvent::NoResponse)
        }
        Err(error) if error.is_signed_out() => {
            Some(AuthEvent::NotSignedIn { saved: sign_out_reason::load() })
        }
        // Another error does not say that there is no session.
        Err(_) => Some(AuthEvent::NoResponse),
    }
}
