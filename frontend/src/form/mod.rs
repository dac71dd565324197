//! Forms: sent once at a time, their faults told at their fields, the cursor put where it is needed.
//!
//! What is typed is read from the elements when a form is sent, because a password manager that fills them
//! fires no events. Knows nothing of what any form is for.

mod state;
mod trouble;

pub use trouble::code;

use crate::api::Failure;
use crate::browser;
use crate::components::{About, Button, Field, button, field, note, password_field};
use crate::hooks::use_countdown;
use crate::words;
use futures_util::future::LocalBoxFuture;
use shared::Fields;
use state::{Form, FormEvent};
use std::cell::Cell;
use std::rc::Rc;
use trouble::Trouble;
use wasm_bindgen_futures::spawn_local;
use web_sys::HtmlInputElement;
use yew::prelude::*;

/// One form on the page.
#[derive(Clone, PartialEq)]
pub struct FormHandle {
    form: UseReducerHandle<Form>,
    fields: Rc<Vec<(&'static str, NodeRef)>>,
    proof: Option<&'static str>,
    /// A second submit may come before the first one's state is on the screen.
    sent: Rc<Cell<bool>>,
    /// Seconds until it is of use to send it again.
    wait: u64,
}

/// A form with these fields, in their order on the page, by their names on the wire. `proof` is the one in
/// which somebody who is signed in types their password.
#[hook]
pub fn use_form(fields: &'static [&'static str], proof: Option<&'static str>) -> FormHandle {
    let form = use_reducer(Form::default);
    let sent = use_memo((), |()| Cell::new(false));
    let refs = use_memo((), |()| fields.iter().map(|name| (*name, NodeRef::default())).collect::<Vec<_>>());
    let wait = use_countdown(form.trouble.as_ref().and_then(|trouble| trouble.until));
    let handle = FormHandle { form, fields: refs, proof, sent, wait };
    // After the faults are on the screen, so that they are read out with the field.
    use_effect_with(handle.form.failures, {
        let handle = handle.clone();
        move |_| {
            let Some((name, select)) = handle.form.focus(fields) else { return };
            if let Some(field) = handle.element(name).cast::<HtmlInputElement>() {
                let _ = field.focus();
                if select {
                    field.select();
                }
            }
        }
    });
    handle
}

impl FormHandle {
    /// For the element of this field.
    pub fn element(&self, name: &str) -> NodeRef {
        let found = self.fields.iter().find(|(field, _)| *field == name);
        found.map(|(_, field)| field.clone()).unwrap_or_default()
    }

    pub fn typed(&self, name: &str) -> String {
        self.element(name).cast::<HtmlInputElement>().map(|field| field.value()).unwrap_or_default()
    }

    /// The field `name`, as it stands.
    pub fn describe(
        &self,
        id: &'static str,
        name: &'static str,
        label: &'static str,
        autocomplete: &'static str,
    ) -> Field {
        let fault = self.form.faults.get(name).map(|words| words.clone().into());
        Field { id, name, label, input: self.element(name), kind: "text", autocomplete, fault, hint_id: None }
    }

    /// The field of somebody's name.
    pub fn name_field(&self) -> Html {
        field(self.describe("name", "name", "Your name", "name"), Html::default())
    }

    /// The field of the address that somebody signs in with.
    pub fn email_field(&self) -> Html {
        let email = self.describe("email", "email", "Email address", "username");
        field(Field { kind: "email", ..email }, Html::default())
    }

    /// The field of the password that somebody has.
    pub fn password_field(&self, id: &'static str, name: &'static str, label: &'static str) -> Html {
        let field = self.describe(id, name, label, "current-password");
        password_field(field, self.password_shown(), self.on_show())
    }

    /// The button that sends the form: what it says, and what it says meanwhile. For its other traits see [`Button`].
    pub fn button(&self, words: &'static str, meanwhile: &'static str, traits: Button) -> Html {
        let (busy, unavailable) = (self.is_busy(), self.must_wait());
        button(Button { busy, unavailable, ..traits }, if busy { meanwhile } else { words })
    }

    pub fn is_busy(&self) -> bool {
        self.form.busy
    }

    /// It is of no use to send it now.
    pub fn must_wait(&self) -> bool {
        self.wait > 0
    }

    pub fn is_done(&self) -> bool {
        self.form.done
    }

    /// How often it was sent with success.
    pub fn successes(&self) -> u32 {
        self.form.successes
    }

    pub fn password_shown(&self) -> bool {
        self.form.password_shown
    }

    pub fn on_show(&self) -> Callback<bool> {
        let form = self.form.dispatcher();
        Callback::from(move |shown| form.dispatch(FormEvent::PasswordShown(shown)))
    }

    pub fn oninput(&self) -> Callback<InputEvent> {
        let form = self.form.dispatcher();
        Callback::from(move |event: InputEvent| {
            if let Some(field) = event.target_dyn_into::<HtmlInputElement>() {
                form.dispatch(FormEvent::Edited(field.name()));
            }
        })
    }

    /// Sends the form, unless it is being sent, must wait, or has `faults` that the person can mend first.
    pub fn send(&self, faults: Fields, call: impl Future<Output = Result<(), Failure>> + 'static) {
        self.send_boxed(faults, Box::pin(call));
    }

    // Once in the program, and not once for each form.
    fn send_boxed(&self, faults: Fields, call: LocalBoxFuture<'static, Result<(), Failure>>) {
        if self.must_wait() || self.sent.get() {
            return;
        }
        let form = self.form.dispatcher();
        if !faults.is_empty() {
            form.dispatch(FormEvent::Incomplete(faults));
            return;
        }
        self.sent.set(true);
        form.dispatch(FormEvent::Sent);
        let (sent, proof) = (self.sent.clone(), self.proof);
        spawn_local(async move {
            form.dispatch(match call.await {
                Ok(()) => FormEvent::Done,
                Err(failure) => FormEvent::Failed(Trouble::new(&failure, browser::now_ms(), proof)),
            });
            sent.set(false);
        });
    }

    /// Empties this field, once what it held has been used.
    pub fn clear(&self, name: &str) {
        if let Some(field) = self.element(name).cast::<HtmlInputElement>() {
            field.set_value("");
        }
    }

    /// What went wrong last, if it is not told at a field.
    pub fn trouble(&self) -> Option<Html> {
        let trouble = self.form.trouble.as_ref()?;
        let words = html! {
            <>
                { &trouble.words }
                if trouble.until.is_some() {
                    // Not read out each second: the alert said it once.
                    <span aria-live="off">
                        if self.wait > 0 {
                            { format!(" You can try again in {}.", words::wait(self.wait)) }
                        } else {
                            { " You can try again now." }
                        }
                    </span>
                }
                if let Some(reference) = &trouble.reference {
                    <small class="reference">{ "Reference: " }{ reference }</small>
                }
            </>
        };
        Some(note(About::Trouble { code: trouble.code.clone(), count: self.form.failures }, words))
    }
}
