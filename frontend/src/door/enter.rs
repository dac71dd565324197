//! Loads the program that comes next, and hands the page over to it.

use super::hand_over;
use crate::entry::Entry;
use crate::{browser, chat};
use js_sys::{Array, Function, Object, Promise, Reflect};
use std::cell::RefCell;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, future_to_promise, spawn_local};
use web_sys::Element;

/// Milliseconds that each part may take to load. Nobody should look at a form that is busy for ever; but a slow line may
/// well take a while.
const LIMIT_MS: u32 = 30_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the rest of the page could not be loaded")]
pub struct NotLoaded;

impl From<JsValue> for NotLoaded {
    fn from(_: JsValue) -> Self {
        Self
    }
}

thread_local! {
    static CHAT: RefCell<Option<Promise>> = const { RefCell::new(None) };
}

/// Begins to fetch what comes after the form: the chat, and CometChat's SDK. A failure does not matter yet.
pub fn preload() {
    chat::preload();
    spawn_local(async { drop(chat_program().await) });
}

/// Lets somebody in. When this ends well there is nothing left of the form, and the chat has the page.
pub async fn into_chat(entry: &Entry) -> Result<(), NotLoaded> {
    let program = chat_program().await?;
    let enter: Function = Reflect::get(&program, &"enter".into())?.dyn_into()?;
    let entry = serde_json::to_string(entry).map_err(|_| NotLoaded)?;
    hand_over();
    if enter.call1(&program, &entry.into()).is_err() {
        browser::say_that_it_failed();
    }
    Ok(())
}

/// Goes on with the other form.
pub async fn into_register() -> Result<(), NotLoaded> {
    let program = within_limit(import("register")?).await?;
    hand_over();
    if start(&program, "register").await.is_err() {
        browser::say_that_it_failed();
    }
    Ok(())
}

/// The chat, ready to run: loaded once, and again only where that failed.
async fn chat_program() -> Result<JsValue, JsValue> {
    let load = || {
        future_to_promise(async {
            let program = import("chat")?;
            let both = Promise::all(&Array::of2(&program, &styles()));
            let program = Array::from(&within_limit(both).await?).get(0);
            start(&program, "chat").await?;
            Ok(program)
        })
    };
    let loaded = CHAT.with_borrow_mut(|chat| chat.get_or_insert_with(load).clone());
    let result = JsFuture::from(loaded).await;
    if result.is_err() {
        CHAT.set(None);
    }
    result
}

/// The script of the program that this `meta` element of `index.html` names.
fn import(name: &str) -> Result<Promise, JsValue> {
    Ok(browser::import_module(&address(name, "content")?))
}

async fn start(program: &JsValue, name: &str) -> Result<JsValue, JsValue> {
    let options = Object::new();
    Reflect::set(&options, &"module_or_path".into(), &address(name, "data-wasm")?.into())?;
    let start: Function = Reflect::get(program, &"default".into())?.dyn_into()?;
    within_limit(start.call1(program, &options)?.dyn_into()?).await
}

fn address(name: &str, attribute: &str) -> Result<String, JsValue> {
    let document = browser::document().ok_or(JsValue::NULL)?;
    let named = document.query_selector(&format!("meta[name={name}]"))?;
    named.and_then(|named| named.get_attribute(attribute)).ok_or(JsValue::NULL)
}

/// Adds the chat's style sheets to the page. Settled when all are there.
fn styles() -> Promise {
    let addresses = address("chat", "data-style").unwrap_or_default();
    let sheets: Array = addresses.split(' ').map(|address| JsValue::from(style(address))).collect();
    Promise::all(&sheets)
}

fn style(address: &str) -> Promise {
    let document = browser::document();
    let link = document.as_ref().and_then(|document| document.create_element("link").ok());
    let head = document.and_then(|document| document.head());
    let add = |link: Element, loaded: &Function, failed: &Function| {
        link.set_attribute("rel", "stylesheet")?;
        link.set_attribute("href", address)?;
        link.add_event_listener_with_callback("load", loaded)?;
        link.add_event_listener_with_callback("error", failed)?;
        head.as_ref().ok_or(JsValue::NULL)?.append_child(&link)
    };
    Promise::new(&mut |loaded, failed| {
        if link.clone().is_none_or(|link| add(link, &loaded, &failed).is_err()) {
            let _ = failed.call0(&JsValue::NULL);
        }
    })
}

/// What the promise comes to, unless that takes too long.
async fn within_limit(promise: Promise) -> Result<JsValue, JsValue> {
    let first = Promise::race(&Array::of2(&promise, &browser::timer(LIMIT_MS)));
    // The timer comes to nothing.
    let value = JsFuture::from(first).await?;
    if value.is_undefined() { Err(value) } else { Ok(value) }
}
