//! Feeds the door's state machine: asks the server who is signed in, tries again while there is no answer, and lets in
//! whoever is.

use super::enter::{self, NotLoaded};
use super::state::{Door, DoorEvent};
use crate::api::Failure;
use crate::entry::Entry;
use crate::form::FormHandle;
use crate::mark::{self, Reason};
use crate::{api, backoff, browser, chat};
use shared::{Fields, LoginResponse};
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

/// How it stands at the door, and what can be done there.
#[derive(Clone, PartialEq)]
pub struct DoorHandle {
    door: UseReducerHandle<Door>,
}

impl DoorHandle {
    pub fn state(&self) -> &Door {
        &self.door
    }

    /// Sends the form, and lets in whom the answer names. `read` makes of what was typed the call, and what is wrong
    /// with it. Goes on until the chat has taken over the page, or could not be loaded.
    pub fn onsubmit<F>(
        &self,
        form: &FormHandle,
        read: impl Fn(&FormHandle) -> (Fields, F) + 'static,
    ) -> Callback<SubmitEvent>
    where
        F: Future<Output = Result<LoginResponse, Failure>> + 'static,
    {
        let (door, form) = (self.clone(), form.clone());
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            let (faults, call) = read(&form);
            let door = door.clone();
            form.send(faults, async move {
                enter::preload();
                door.lead_on(enter::into_chat(&call.await?.into()).await);
                Ok(())
            });
        })
    }

    /// Whoever types will soon come in.
    pub fn oninput(&self, form: &FormHandle) -> Callback<InputEvent> {
        let edited = form.oninput();
        Callback::from(move |event| {
            enter::preload();
            edited.emit(event);
        })
    }

    /// When what comes next could not be loaded, the server cannot be reached.
    pub fn lead_on(&self, loaded: Result<(), NotLoaded>) {
        if loaded.is_err() {
            self.door.dispatch(DoorEvent::NoAnswer);
        }
    }

    /// Asks the server again who is signed in.
    pub fn check(&self) {
        let door = self.door.dispatcher();
        spawn_local(async move {
            if let Some(event) = ask().await {
                door.dispatch(event);
            }
        });
    }
}

/// The door of the page. `open`: the server has sent the page with the form in it, because the browser brought no
/// session.
#[hook]
pub fn use_door(open: bool) -> DoorHandle {
    let door = use_reducer(|| if open { Door::Open { reason: None } } else { Door::Asking });

    let tries = match &*door {
        Door::Asking => Some(0),
        Door::Unreachable { tries } => Some(*tries),
        Door::Open { .. } => None,
    };
    use_effect_with(tries, {
        let door = door.dispatcher();
        move |tries| {
            let Some(tries) = *tries else { return };
            spawn_local(async move {
                browser::sleep_unless_online(backoff::delay_ms(tries, js_sys::Math::random())).await;
                if let Some(event) = ask().await {
                    door.dispatch(event);
                }
            });
        }
    });
    // Not before the form is live: what was sent with the page knows nothing of this tab.
    use_effect_with((), {
        let door = door.dispatcher();
        move |()| {
            if open {
                door.dispatch(DoorEvent::NotSignedIn { remembered: mark::kept() });
            }
        }
    });
    use_effect_with(door.clone(), |door| {
        if let Door::Open { reason } = &**door {
            if *reason == Some(Reason::Ended) {
                chat::forget();
            }
            mark::forget();
        }
    });

    DoorHandle { door }
}

/// Who is signed in goes on into the chat; for everybody else, what the server has said.
async fn ask() -> Option<DoorEvent> {
    match api::session().await {
        Ok(user) => {
            enter::into_chat(&Entry::from(user)).await.err()?;
            // The server is there, and not what this page has a name for: it is of an earlier version.
            browser::reload_once_in_a_while();
            Some(DoorEvent::NoAnswer)
        }
        Err(failure) if failure.is_signed_out() => Some(DoorEvent::NotSignedIn { remembered: mark::kept() }),
        // A server that answers with a failure of its own has not said that nobody is signed in.
        Err(_) => Some(DoorEvent::NoAnswer),
    }
}
