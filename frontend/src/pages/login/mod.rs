//! The form that signs in.
//!
//! What is typed is read from the elements at submit, because a password manager that fills them fires no
//! events.

mod form;
mod trouble;

pub use trouble::code;

use crate::components::{Button, Card, Field, Note, PasswordField, Tone};
use crate::hooks::{use_countdown, use_page};
use crate::session::{Reason, use_session};
use crate::{api, browser, chat, words};
use form::{Focus, Form, FormEvent};
use shared::{LoginRequest, Secret};
use trouble::Trouble;
use wasm_bindgen_futures::spawn_local;
use web_sys::HtmlInputElement;
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct Props {
    /// Why somebody who was signed in sees the form.
    pub reason: Option<Reason>,
}

#[component]
pub fn Login(props: &Props) -> Html {
    let session = use_session();
    let form = use_reducer(Form::default);
    let email = use_node_ref();
    let password = use_node_ref();
    let heading = use_page("Sign in", Some(&email));
    let wait = use_countdown(form.trouble.as_ref().and_then(|trouble| trouble.until));
    // A second submit may come before the first one's state is on the screen.
    let sent = use_mut_ref(|| false);

    let onsubmit = {
        let (email, password, form) = (email.clone(), password.clone(), form.dispatcher());
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            if wait > 0 || *sent.borrow() {
                return;
            }
            let request = LoginRequest {
                email: typed(&email).trim().to_owned(),
                password: Secret::new(typed(&password)),
            };
            let faults = request.faults();
            if !faults.is_empty() {
                form.dispatch(FormEvent::Incomplete(faults));
                return;
            }
            sent.replace(true);
            form.dispatch(FormEvent::Sent);
            chat::preload();
            let (session, form, sent) = (session.clone(), form.clone(), sent.clone());
            spawn_local(async move {
                match api::login(&request).await {
                    Ok(answer) => session.signed_in(answer),
                    Err(failure) => {
                        form.dispatch(FormEvent::Failed(Trouble::new(&failure, browser::now_ms())))
                    }
                }
                sent.replace(false);
            });
        })
    };

    // After the faults are on the screen, so that they are read out with the field.
    use_effect_with(form.failures, {
        let (email, password, form) = (email.clone(), password.clone(), form.clone());
        move |_| {
            let field = match form.focus() {
                Some(Focus::Email) => email,
                Some(Focus::Password | Focus::WrongPassword) => password,
                None => return,
            };
            if let Some(field) = field.cast::<HtmlInputElement>() {
                let _ = field.focus();
                if form.focus() == Some(Focus::WrongPassword) {
                    field.select();
                }
            }
        }
    });

    let oninput = {
        let form = form.dispatcher();
        Callback::from(move |event: InputEvent| {
            chat::preload();
            if let Some(field) = event.target_dyn_into::<HtmlInputElement>() {
                form.dispatch(FormEvent::Edited(field.name()));
            }
        })
    };
    let on_show = {
        let form = form.dispatcher();
        Callback::from(move |shown| form.dispatch(FormEvent::PasswordShown(shown)))
    };
    let fault = |field: &str| form.faults.get(field).map(|words| AttrValue::from(words.clone()));

    html! {
        <Card page="login">
            <h1 ref={heading} tabindex="-1">{ "Sign in" }</h1>
            <p class="sub">{ "to chat with your people" }</p>
            { notes(&form, props.reason, wait) }
            <form id="login" novalidate=true aria-busy={form.busy.then_some("true")} {onsubmit} {oninput}>
                <Field
                    id="email"
                    label="Email address"
                    input={email}
                    kind="email"
                    autocomplete="username"
                    inputmode="email"
                    fault={fault("email")}
                />
                <PasswordField
                    id="password"
                    label="Password"
                    input={password}
                    autocomplete="current-password"
                    shown={form.password_shown}
                    {on_show}
                    fault={fault("password")}
                />
                <Button kind="submit" busy={form.busy} unavailable={wait > 0}>
                    { if form.busy { "Signing in…" } else { "Sign in" } }
                </Button>
            </form>
        </Card>
    }
}

/// What went wrong last or, before anything has, why the form is here.
fn notes(form: &Form, reason: Option<Reason>, wait: u64) -> Html {
    let Some(trouble) = &form.trouble else {
        return match reason {
            Some(Reason::Ended) => html! {
                <Note tone={Tone::Quiet} reason="ended">{ "Your session has ended. Please sign in again." }</Note>
            },
            Some(Reason::SignedOut) => html! {
                <Note tone={Tone::Quiet} reason="signed_out">{ "You are signed out." }</Note>
            },
            None => html! {},
        };
    };
    html! {
        // The key makes it another element, which is read out although the words may be the same.
        <Note key={form.failures} tone={Tone::Alert} code={trouble.code.clone()}>
            { &trouble.words }
            if trouble.until.is_some() {
                // Not read out each second: the alert said it once.
                <span aria-live="off">
                    if wait > 0 {
                        { format!(" You can try again in {}.", words::wait(wait)) }
                    } else {
                        { " You can try again now." }
                    }
                </span>
            }
            if let Some(reference) = &trouble.reference {
                <small class="reference">{ "Reference: " }{ reference }</small>
            }
        </Note>
    }
}

fn typed(field: &NodeRef) -> String {
    field.cast::<HtmlInputElement>().map(|field| field.value()).unwrap_or_default()
}
