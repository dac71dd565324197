//! Loads the `app` program and hands the page over to it.

use super::mount::unmount;
use crate::browser::dom;
use crate::browser::timer::{PromiseError, with_timeout};
use crate::cometchat;
use crate::handoff::SignedInUser;
use js_sys::{Array, Function, Object, Promise, Reflect};
use std::cell::RefCell;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, future_to_promise, spawn_local};
use web_sys::Element;

/// Time for each file to load, also on a slow network. After it the user can try again.
const LOAD_TIMEOUT_MS: u32 = 30_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the app could not be loaded")]
pub struct LoadError;

impl From<JsValue> for LoadError {
    fn from(_: JsValue) -> Self {
        Self
    }
}

thread_local! {
    static APP: RefCell<Option<Promise>> = const { RefCell::new(None) };
}

/// Starts to fetch the app and CometChat's SDK. A failure does not matter: [`launch_app`] tries again.
pub fn preload() {
    cometchat::preload();
    spawn_local(async { drop(load_app().await) });
}

/// Unmounts the form and starts the app.
pub async fn launch_app(user: &SignedInUser) -> Result<(), LoadError> {
    let app = load_app().await?;
    let launch: Function = Reflect::get(&app, &"launch".into())?.dyn_into()?;
    let user = serde_json::to_string(user).map_err(|_| LoadError)?;
    unmount();
    if launch.call1(&app, &user.into()).is_err() {
        dom::show_fatal_error();
    }
    Ok(())
}

/// Returns the app's module, ready to run. It is loaded once; a failed attempt is repeated.
async fn load_app() -> Result<JsValue, JsValue> {
    let load = || {
        future_to_promise(async {
            let module = dom::import_module(&app_file("content")?);
            let module_and_styles = Promise::all(&Array::of2(&module, &load_styles()));
            let module = Array::from(&within_timeout(module_and_styles).await?).get(0);
            initialize(&module).await?;
            Ok(module)
        })
    };
    let loaded = APP.with_borrow_mut(|app| app.get_or_insert_with(load).clone());
    let result = JsFuture::from(loaded).await;
    if result.is_err() {
        APP.set(None);
    }
    result
}

/// Has the module fetch and instantiate its WebAssembly.
async fn initialize(module: &JsValue) -> Result<JsValue, JsValue> {
    let options = Object::new();
    Reflect::set(&options, &"module_or_path".into(), &app_file("data-wasm")?.into())?;
    let initialize: Function = Reflect::get(module, &"default".into())?.dyn_into()?;
    within_timeout(initialize.call1(module, &options)?.dyn_into()?).await
}

/// Returns the URL in this attribute of the `meta` element in `index.html` that names the app's files.
fn app_file(attribute: &str) -> Result<String, JsValue> {
    let document = dom::document().ok_or(JsValue::NULL)?;
    let element = document.query_selector("meta[name=app]")?;
    element.and_then(|element| element.get_attribute(attribute)).ok_or(JsValue::NULL)
}

/// Adds the app's style sheets to the page. The promise resolves when all are loaded.
fn load_styles() -> Promise {
    let urls = app_file("data-style").unwrap_or_default();
    let sheets: Array = urls.split(' ').map(|url| JsValue::from(load_style(url))).collect();
    Promise::all(&sheets)
}

fn load_style(url: &str) -> Promise {
    let document = dom::document();
    let link = document.as_ref().and_then(|document| document.create_element("link").ok());
    let head = document.and_then(|document| document.head());
    let add = |link: Element, loaded: &Function, failed: &Function| {
        link.set_attribute("rel", "stylesheet")?;
        link.set_attribute("href", url)?;
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

async fn within_timeout(promise: Promise) -> Result<JsValue, JsValue> {
    with_timeout(promise, LOAD_TIMEOUT_MS).await.map_err(|error| match error {
        PromiseError::Rejected(reason) => reason,
        PromiseError::TimedOut => JsValue::NULL,
    })
}
