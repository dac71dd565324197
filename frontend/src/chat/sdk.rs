//! The functions of CometChat's SDK (4.2.0) that the page uses, typed, and each with a time limit: the SDK
//! itself has none, and an answer that it does not expect leaves its promises open for ever.
//!
//! Its failures are plain objects, not `Error`s; they become one enum here. Its events arrive as changes
//! of `Line`. What to do about either is decided in `connection`.

use super::loader;
use futures_channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use futures_util::future::{Either, select};
use gloo_timers::future::TimeoutFuture;
use js_sys::{Object, Promise, Reflect};
use shared::{ClientConfig, Secret};
use std::cell::{Cell, RefCell};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

/// Milliseconds that a call may take.
pub const LIMIT_MS: u32 = 10_000;
/// Nobody should wait long to be signed out: the server revokes the token in any case.
const LOGOUT_LIMIT_MS: u32 = 3_000;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SdkError {
    #[error("the SDK could not be loaded")]
    NotLoaded,
    #[error("CometChat could not be reached")]
    NotReached,
    #[error("CometChat did not answer in time")]
    TimedOut,
    /// The token is unknown or revoked. The SDK has thrown its session away by now.
    #[error("CometChat does not know the token")]
    TokenNotFound,
    /// A sign-in that hangs keeps all later ones out, until the page is loaded anew.
    #[error("a sign-in to CometChat is still under way")]
    LoginInProgress,
    #[error("CometChat: {0}")]
    Other(String),
}

impl SdkError {
    pub fn from_js(value: &JsValue) -> Self {
        let text = |key: &str| {
            let value = Reflect::get(value, &JsValue::from_str(key)).unwrap_or_default();
            value.as_string().or_else(|| value.as_f64().map(|number| number.to_string())).unwrap_or_default()
        };
        Self::classify(&text("code"), &text("name"), &text("message"))
    }

    fn classify(code: &str, name: &str, message: &str) -> Self {
        match (code, name) {
            ("AUTH_ERR_AUTH_TOKEN_NOT_FOUND", _) => Self::TokenNotFound,
            ("FAILED_TO_FETCH", _) => Self::NotReached,
            (_, "LOGIN_IN_PROGRESS") => Self::LoginInProgress,
            _ => Self::Other(
                [code, name, message]
                    .iter()
                    .find(|t| !t.is_empty())
                    .unwrap_or(&"no reason given")
                    .to_string(),
            ),
        }
    }
}

/// What the SDK has told of its session and its socket.
#[derive(Default)]
struct Line {
    /// The listeners are in place, and the SDK has read its storage.
    started: Cell<bool>,
    open: Cell<bool>,
    /// The server has revoked the token of the SDK's session, and has another.
    outdated: Cell<bool>,
    /// Woken at every change.
    watcher: RefCell<Option<UnboundedSender<()>>>,
}

impl Line {
    fn set_open(&self, open: bool) {
        self.open.set(open);
        if let Some(watcher) = &*self.watcher.borrow() {
            let _ = watcher.unbounded_send(());
        }
    }
}

thread_local! {
    static LINE: Line = Line::default();
}

/// Whether the SDK has a session whose socket is open. Not yet that CometChat has accepted it.
pub fn is_open() -> bool {
    LINE.with(|line| line.open.get())
}

pub fn is_started() -> bool {
    LINE.with(|line| line.started.get())
}

/// Has the connection made again with the token that the server has now.
pub fn replace_token() {
    LINE.with(|line| {
        line.outdated.set(true);
        line.set_open(false);
    });
}

/// Whether the server has had another token since the last sign-in.
pub fn is_outdated() -> bool {
    LINE.with(|line| line.outdated.get())
}

/// Is told of every change of the line from now on, in place of whoever was told before.
pub fn changes() -> UnboundedReceiver<()> {
    let (sender, receiver) = unbounded();
    LINE.with(|line| line.watcher.replace(Some(sender)));
    receiver
}

/// Starts the SDK, once in the life of a page. A session that it finds in its storage comes back to life
/// with this, and its socket opens.
pub async fn start(config: &ClientConfig) -> Result<(), SdkError> {
    if is_started() {
        return Ok(());
    }
    listen()?;
    let settings = settings(config).map_err(|error| SdkError::from_js(&error))?;
    settle(init(&config.app_id, &settings), LIMIT_MS).await?;
    LINE.with(|line| line.started.set(true));
    Ok(())
}

fn settings(config: &ClientConfig) -> Result<AppSettings, JsValue> {
    let builder = AppSettingsBuilder::new()?;
    builder.set_region(&config.region)?;
    builder.subscribe_presence_for_all_users()?;
    builder.auto_establish_socket_connection(true)?;
    if let Some(url) = &config.emulator_url {
        builder.override_client_host(&format!("{}/v3.0", loader::host(url)))?;
    }
    builder.build()
}

/// The listeners stay for as long as the page does, so their closures are never freed.
fn listen() -> Result<(), SdkError> {
    let on = |object: &Object, event: &str, open: bool| {
        let told = Closure::<dyn Fn()>::new(move || LINE.with(|line| line.set_open(open)));
        Reflect::set(object, &JsValue::from_str(event), &told.into_js_value()).map(drop)
    };
    let listen = || {
        let connection = Object::new();
        on(&connection, "onConnected", true)?;
        on(&connection, "onDisconnected", false)?;
        add_connection_listener("page", &connection)?;
        let login = Object::new();
        on(&login, "logoutSuccess", false)?;
        add_login_listener("page", &login)
    };
    listen().map_err(|error: JsValue| SdkError::from_js(&error))
}

/// The uid that the SDK holds a session for, and its token. Read from its storage: it says nothing of whether CometChat
/// still knows the token.
pub async fn held() -> Result<Option<(String, Secret)>, SdkError> {
    let user = settle(get_loggedin_user(), LIMIT_MS).await?;
    if user.is_null() {
        return Ok(None);
    }
    let user = user.unchecked_into::<User>();
    Ok(user.get_uid().map(|uid| (uid, Secret::new(user.get_auth_token().unwrap_or_default()))))
}

/// Signs in to CometChat, and gives the uid that the token turned out to be for.
pub async fn login(config: &ClientConfig, token: &Secret) -> Result<Option<String>, SdkError> {
    // The SDK keeps calling itself connected when a session ends, and then tells nothing of the next
    // session's socket. Its socket is about to be replaced, so this is also the truth.
    get_instance(&config.app_id)
        .and_then(|instance| instance.set_connection_status("disconnected"))
        .map_err(|error| SdkError::from_js(&error))?;
    LINE.with(|line| line.set_open(false));
    let user = settle(login_with_token(token.expose()), LIMIT_MS).await?;
    LINE.with(|line| line.outdated.set(false));
    Ok(user.unchecked_into::<User>().get_uid())
}

/// Makes CometChat look at the token, and tells whether it holds this user for online: which it does once
/// it has accepted the token on a socket.
pub async fn prove(uid: &str) -> Result<bool, SdkError> {
    let user = settle(get_user(uid), LIMIT_MS).await?.unchecked_into::<User>();
    Ok(user.get_status().is_some_and(|status| status != "offline"))
}

/// Signs out where the SDK was started in this page. A failure changes nothing for the caller, who
/// removes what is stored in any case.
pub async fn logout() {
    if is_started() {
        let _ = settle(sdk_logout(), LOGOUT_LIMIT_MS).await;
    }
}

/// Waits for a promise, but not for ever.
pub async fn settle(call: Result<Promise, JsValue>, limit_ms: u32) -> Result<JsValue, SdkError> {
    let promise = call.map_err(|error| SdkError::from_js(&error))?;
    match select(JsFuture::from(promise), TimeoutFuture::new(limit_ms)).await {
        Either::Left((result, _)) => result.map_err(|error| SdkError::from_js(&error)),
        Either::Right(_) => Err(SdkError::TimedOut),
    }
}

#[wasm_bindgen]
extern "C" {
    type AppSettings;

    #[wasm_bindgen(js_namespace = CometChat)]
    type AppSettingsBuilder;
    #[wasm_bindgen(constructor, js_namespace = CometChat, catch)]
    fn new() -> Result<AppSettingsBuilder, JsValue>;
    #[wasm_bindgen(method, js_name = setRegion, catch)]
    fn set_region(this: &AppSettingsBuilder, region: &str) -> Result<AppSettingsBuilder, JsValue>;
    #[wasm_bindgen(method, js_name = subscribePresenceForAllUsers, catch)]
    fn subscribe_presence_for_all_users(this: &AppSettingsBuilder) -> Result<AppSettingsBuilder, JsValue>;
    #[wasm_bindgen(method, js_name = autoEstablishSocketConnection, catch)]
    fn auto_establish_socket_connection(
        this: &AppSettingsBuilder,
        auto: bool,
    ) -> Result<AppSettingsBuilder, JsValue>;
    /// With the path of the version, unlike every other host that the SDK is told.
    #[wasm_bindgen(method, js_name = overrideClientHost, catch)]
    fn override_client_host(this: &AppSettingsBuilder, host: &str) -> Result<AppSettingsBuilder, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn build(this: &AppSettingsBuilder) -> Result<AppSettings, JsValue>;

    type User;
    #[wasm_bindgen(method, js_name = getUid)]
    fn get_uid(this: &User) -> Option<String>;
    #[wasm_bindgen(method, js_name = getAuthToken)]
    fn get_auth_token(this: &User) -> Option<String>;
    #[wasm_bindgen(method, js_name = getStatus)]
    fn get_status(this: &User) -> Option<String>;

    /// The SDK's one object behind the static functions.
    type Instance;
    #[wasm_bindgen(js_namespace = CometChat, js_name = getInstance, catch)]
    fn get_instance(app_id: &str) -> Result<Instance, JsValue>;
    /// Marked as internal by the SDK, whose version is pinned.
    #[wasm_bindgen(method, js_name = setConnectionStatus, catch)]
    fn set_connection_status(this: &Instance, status: &str) -> Result<(), JsValue>;

    #[wasm_bindgen(js_namespace = CometChat, catch)]
    fn init(app_id: &str, settings: &AppSettings) -> Result<Promise, JsValue>;
    #[wasm_bindgen(js_namespace = CometChat, js_name = addConnectionListener, catch)]
    fn add_connection_listener(name: &str, listener: &Object) -> Result<(), JsValue>;
    #[wasm_bindgen(js_namespace = CometChat, js_name = addLoginListener, catch)]
    fn add_login_listener(name: &str, listener: &Object) -> Result<(), JsValue>;
    /// With a small i. `getLoggedInUser` is another function, which asks CometChat.
    #[wasm_bindgen(js_namespace = CometChat, js_name = getLoggedinUser, catch)]
    fn get_loggedin_user() -> Result<Promise, JsValue>;
    #[wasm_bindgen(js_namespace = CometChat, js_name = login, catch)]
    fn login_with_token(token: &str) -> Result<Promise, JsValue>;
    #[wasm_bindgen(js_namespace = CometChat, js_name = getUser, catch)]
    fn get_user(uid: &str) -> Result<Promise, JsValue>;
    #[wasm_bindgen(js_namespace = CometChat, js_name = logout, catch)]
    fn sdk_logout() -> Result<Promise, JsValue>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_known_by_its_code() {
        let token = "The auth token x does not exist.";
        assert_eq!(SdkError::classify("AUTH_ERR_AUTH_TOKEN_NOT_FOUND", "", token), SdkError::TokenNotFound);
        assert_eq!(SdkError::classify("FAILED_TO_FETCH", "FAILED_TO_FETCH", "m"), SdkError::NotReached);
    }

    #[test]
    fn a_login_under_way_is_known_by_its_name_because_its_code_is_a_number() {
        assert_eq!(SdkError::classify("-1", "LOGIN_IN_PROGRESS", "m"), SdkError::LoginInProgress);
        assert_eq!(SdkError::classify("-1", "OTHER", "m"), SdkError::Other("-1".into()));
    }

    #[test]
    fn an_unknown_failure_keeps_what_it_says_of_itself() {
        assert_eq!(SdkError::classify("", "TypeError", "m"), SdkError::Other("TypeError".into()));
        assert_eq!(SdkError::classify("", "", "m"), SdkError::Other("m".into()));
        assert_eq!(SdkError::classify("", "", ""), SdkError::Other("no reason given".into()));
    }
}
