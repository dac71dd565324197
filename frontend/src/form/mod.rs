//! Forms: one request at a time, errors at their fields, and the focus where it is needed.
//!
//! Values are read from the elements when the form is sent, because a password manager fills them
//! without events. Nothing here knows what a form is for.

mod error;
mod new_password_field;
mod state;

pub use error::code;
pub use new_password_field::NewPasswordField;

use crate::api::RequestError;
use crate::browser::timer::now_ms;
use crate::components::{Button, Field, NoticeKind, button, field, live_text, notice, password_field};
use crate::hooks::use_countdown;
use crate::text;
use error::FormError;
use futures_util::future::LocalBoxFuture;
use shared::FieldErrors;
use state::{Form, FormEvent};
use std::cell::Cell;
use std::rc::Rc;
use wasm_bindgen_futures::spawn_local;
use web_sys::HtmlInputElement;
use yew::prelude::*;

/// One form on the page.
#[derive(Clone, PartialEq)]
pub struct FormHandle {
    form: UseReducerHandle<Form>,
    fields: Rc<Vec<(&'static str, NodeRef)>>,
    proof_field: Option<&'static str>,
    /// Set at once: a second submit can come before the first one's state is rendered.
    is_sending: Rc<Cell<bool>>,
    /// Seconds until another attempt is allowed.
    wait: u64,
}

/// A form with these fields, in page order, by their names in the API. `proof_field` is the one in which a
/// signed-in user confirms their password.
#[hook]
pub fn use_form(fields: &'static [&'static str], proof_field: Option<&'static str>) -> FormHandle {
    let form = use_reducer(Form::default);
    let is_sending = use_memo((), |()| Cell::new(false));
    let refs = use_memo((), |()| fields.iter().map(|name| (*name, NodeRef::default())).collect::<Vec<_>>());
    let wait = use_countdown(form.error.as_ref().and_then(|error| error.retry_at));
    let handle = FormHandle { form, fields: refs, proof_field, is_sending, wait };
    // After the errors are rendered, so that screen readers read them with the field.
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
    /// Returns the reference of a field's element.
    pub fn element(&self, name: &str) -> NodeRef {
        let found = self.fields.iter().find(|(field, _)| *field == name);
        found.map(|(_, field)| field.clone()).unwrap_or_default()
    }

    /// Returns a field's value.
    pub fn value(&self, name: &str) -> String {
        self.element(name).cast::<HtmlInputElement>().map(|field| field.value()).unwrap_or_default()
    }

    /// Returns a text field with its present error.
    pub fn describe(
        &self,
        id: &'static str,
        name: &'static str,
        label: &'static str,
        autocomplete: &'static str,
    ) -> Field {
        let error = self.form.field_errors.get(name).map(|text| text.clone().into());
        Field { id, name, label, input: self.element(name), kind: "text", autocomplete, error, hint_id: None }
    }

    /// Renders the field of the user's name.
    pub fn name_field(&self) -> Html {
        field(self.describe("name", "name", "Your name", "name"), Html::default())
    }

    /// Renders the field of the email address to sign in with.
    pub fn email_field(&self) -> Html {
        let email = self.describe("email", "email", "Email address", "username");
        field(Field { kind: "email", ..email }, Html::default())
    }

    /// Renders the field of an existing password.
    pub fn password_field(&self, id: &'static str, name: &'static str, label: &'static str) -> Html {
        let field = self.describe(id, name, label, "current-password");
        password_field(field, self.is_password_shown(), self.on_show())
    }

    /// Renders the submit button, with another label while the request is under way.
    pub fn button(&self, label: &'static str, busy_label: &'static str, options: Button) -> Html {
        let (busy, unavailable) = (self.is_busy(), self.must_wait());
        button(Button { busy, unavailable, ..options }, if busy { busy_label } else { label })
    }

    pub fn is_busy(&self) -> bool {
        self.form.busy
    }

    /// Returns whether another attempt is not allowed yet.
    pub fn must_wait(&self) -> bool {
        self.wait > 0
    }

    pub fn is_done(&self) -> bool {
        self.form.done
    }

    /// Returns the number of successful attempts.
    pub fn successes(&self) -> u32 {
        self.form.successes
    }

    pub fn is_password_shown(&self) -> bool {
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

    /// Sends the form, unless it is being sent, must wait, or has `errors` that the user can fix first.
    pub fn send(
        &self,
        errors: FieldErrors,
        request: impl Future<Output = Result<(), RequestError>> + 'static,
    ) {
        self.send_boxed(errors, Box::pin(request));
    }

    // Boxed, so that the program has this code once and not for each form.
    fn send_boxed(&self, errors: FieldErrors, request: LocalBoxFuture<'static, Result<(), RequestError>>) {
        if self.must_wait() || self.is_sending.get() {
            return;
        }
        let form = self.form.dispatcher();
        if !errors.is_empty() {
            form.dispatch(FormEvent::Invalid(errors));
            return;
        }
        self.is_sending.set(true);
        form.dispatch(FormEvent::Sent);
        let (is_sending, proof_field) = (self.is_sending.clone(), self.proof_field);
        spawn_local(async move {
            form.dispatch(match request.await {
                Ok(()) => FormEvent::Done,
                Err(error) => FormEvent::Failed(FormError::new(&error, now_ms(), proof_field)),
            });
            is_sending.set(false);
        });
    }

    /// Empties a field.
    pub fn clear(&self, name: &str) {
        if let Some(field) = self.element(name).cast::<HtmlInputElement>() {
            field.set_value("");
        }
    }

    /// Renders the last error, unless it is shown at a field.
    pub fn error(&self) -> Option<Html> {
        let error = self.form.error.as_ref()?;
        let text = html! {
            <>
                { live_text(error.text.clone()) }
                if error.retry_at.is_some() {
                    // Screen readers announce the alert once, and not each second.
                    <span aria-live="off">
                        { live_text(match self.wait {
                            0 => " You can try again now.".to_owned(),
                            wait => format!(" You can try again in {}.", text::wait(wait)),
                        }) }
                    </span>
                }
                if let Some(reference) = &error.reference {
                    <small class="reference">{ "Reference: " }{ reference }</small>
                }
            </>
        };
        Some(notice(NoticeKind::Error { code: error.code.clone(), count: self.form.failures }, text))
    }
}
