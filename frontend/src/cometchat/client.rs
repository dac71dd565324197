//! CometChat's SDK as async functions with timeouts: its session, and people and messages.

use super::bindings as sdk;
use super::convert;
use super::error::{SdkError, call};
use super::{loader, sdk_storage};
use crate::model::{Conversation, Message, Page, Person};
use futures_channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use js_sys::{Array, Object, Promise, Reflect};
use shared::{ClientConfig, Secret};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use wasm_bindgen::prelude::*;

pub const CALL_TIMEOUT_MS: u32 = 10_000;
/// Short, because the server revokes the token in any case.
const LOGOUT_TIMEOUT_MS: u32 = 3_000;
/// Objects in a page of any list. The SDK's maximum for conversations.
const PAGE_SIZE: u32 = 50;
/// Bounds the calls at the start. A user has rarely more than 2,000 conversations.
const MAX_CONVERSATION_PAGES: usize = 40;
const RECEIVER_TYPE: &str = "user";

/// The state that the SDK's listeners have reported.
#[derive(Default)]
struct SdkStatus {
    /// The listeners are in place, and the SDK has read its storage.
    is_started: Cell<bool>,
    is_open: Cell<bool>,
    /// The server has revoked the token of the SDK's session and has another.
    is_token_outdated: Cell<bool>,
    /// Receives a message at every change.
    watcher: RefCell<Option<UnboundedSender<()>>>,
}

impl SdkStatus {
    fn set_open(&self, is_open: bool) {
        self.is_open.set(is_open);
        if let Some(watcher) = &*self.watcher.borrow() {
            let _ = watcher.unbounded_send(());
        }
    }
}

thread_local! {
    static STATUS: SdkStatus = SdkStatus::default();
}

/// Returns whether the SDK's socket is open. CometChat may not have accepted its token yet.
pub fn is_open() -> bool {
    STATUS.with(|status| status.is_open.get())
}

pub fn is_started() -> bool {
    STATUS.with(|status| status.is_started.get())
}

/// Has the connection made again with the server's present token.
pub fn replace_token() {
    STATUS.with(|status| {
        status.is_token_outdated.set(true);
        status.set_open(false);
    });
}

/// Returns whether the server has replaced the token since the last login.
pub fn is_token_outdated() -> bool {
    STATUS.with(|status| status.is_token_outdated.get())
}

/// Returns a stream of status changes, in place of an earlier one.
pub fn status_changes() -> UnboundedReceiver<()> {
    let (sender, receiver) = unbounded();
    STATUS.with(|status| status.watcher.replace(Some(sender)));
    receiver
}

/// Starts the SDK, once for each document. If the SDK finds a session in its storage, it resumes it and
/// opens its socket.
pub async fn start(config: &ClientConfig) -> Result<(), SdkError> {
    if is_started() {
        return Ok(());
    }
    watch_connection()?;
    let settings = settings(config)?;
    call(sdk::init(&config.app_id, &settings), CALL_TIMEOUT_MS).await?;
    STATUS.with(|status| status.is_started.set(true));
    Ok(())
}

fn settings(config: &ClientConfig) -> Result<sdk::AppSettings, JsValue> {
    let builder = sdk::AppSettingsBuilder::new()?;
    builder.set_region(&config.region)?;
    builder.subscribe_presence_for_all_users()?;
    builder.auto_establish_socket_connection(true)?;
    if let Some(url) = &config.emulator_url {
        builder.override_client_host(&format!("{}/v3.0", loader::host(url)))?;
    }
    builder.build()
}

/// Adds listeners that keep [`SdkStatus`] current. Their closures live as long as the page.
fn watch_connection() -> Result<(), JsValue> {
    let add = |listener: &Object, event: &str, is_open: bool| {
        let handler = Closure::<dyn Fn()>::new(move || STATUS.with(|status| status.set_open(is_open)));
        Reflect::set(listener, &JsValue::from_str(event), &handler.into_js_value()).map(drop)
    };
    let connection = Object::new();
    add(&connection, "onConnected", true)?;
    add(&connection, "onDisconnected", false)?;
    sdk::add_connection_listener("page", &connection)?;
    let login = Object::new();
    add(&login, "logoutSuccess", false)?;
    sdk::add_login_listener("page", &login)
}

/// Returns the uid and the token of the session in the SDK's storage. CometChat may have revoked the token.
pub async fn stored_session() -> Result<Option<(String, Secret)>, SdkError> {
    let user = call(sdk::get_loggedin_user(), CALL_TIMEOUT_MS).await?;
    if user.is_null() {
        return Ok(None);
    }
    let user = user.unchecked_into::<sdk::User>();
    let token = Secret::new(convert::text(user.auth_token()).unwrap_or_default());
    Ok(convert::text(user.uid()).map(|uid| (uid, token)))
}

/// Logs in to CometChat and returns the uid that the token belongs to.
pub async fn login(config: &ClientConfig, token: &Secret) -> Result<Option<String>, SdkError> {
    close_socket()?;
    // When a session ends, the SDK keeps the status "connected", and then does not report the next
    // session's socket.
    sdk::get_instance(&config.app_id)?.set_connection_status("disconnected")?;
    STATUS.with(|status| status.set_open(false));
    let user = call(sdk::login_with_token(token.expose()), CALL_TIMEOUT_MS).await?;
    STATUS.with(|status| status.is_token_outdated.set(false));
    Ok(convert::text(user.unchecked_into::<sdk::User>().uid()))
}

/// Has the next login open a socket. With the same token, the SDK would keep a socket that is still connecting.
fn close_socket() -> Result<(), JsValue> {
    sdk::disconnect()?;
    let sdk = Reflect::get(&js_sys::global(), &JsValue::from_str("CometChat"))?;
    // Otherwise the SDK would not reopen the new socket either when it is lost.
    Reflect::set(&sdk, &JsValue::from_str("disconnectedByUser"), &JsValue::FALSE).map(drop)
}

/// Asks CometChat whether this user is online: so it is once CometChat has accepted the token on a socket.
/// The call fails if CometChat does not accept the token.
pub async fn is_online(uid: &str) -> Result<bool, SdkError> {
    let user = call(sdk::get_user(uid), CALL_TIMEOUT_MS).await?;
    let status = convert::text(user.unchecked_into::<sdk::User>().status());
    Ok(status.is_some_and(|status| status != "offline"))
}

/// Logs out of CometChat and removes its tokens from the browser, even if the SDK was never loaded here
/// or CometChat does not respond.
pub async fn sign_out() {
    if is_started() {
        let _ = call(sdk::logout(), LOGOUT_TIMEOUT_MS).await;
    }
    sdk_storage::clear_session();
}

/// Fetches the latest conversations of this user, which are all unless there are very many.
pub async fn conversations() -> Result<Page<Conversation>, SdkError> {
    let builder = sdk::ConversationsRequestBuilder::new()?;
    builder.set_limit(PAGE_SIZE)?;
    let request = builder.build()?;
    first_pages(MAX_CONVERSATION_PAGES, async || {
        Ok(page(&fetch(request.fetch_next()).await?, convert::conversation))
    })
    .await
}

/// Returns the items of all pages, or of the first `max` ones if there are more.
async fn first_pages<T>(
    max: usize,
    mut fetch: impl AsyncFnMut() -> Result<Page<T>, SdkError>,
) -> Result<Page<T>, SdkError> {
    let mut items = Vec::new();
    for _ in 0..max {
        let page = fetch().await?;
        items.extend(page.items);
        if page.is_last {
            return Ok(Page { items, is_last: true });
        }
    }
    // A full page may be the last one. Then the next one is empty.
    let next = fetch().await?;
    Ok(Page { items, is_last: next.is_last && next.items.is_empty() })
}

/// Fetches a page of all people, by name, or of those that a query finds. Pages count from 0.
pub async fn people(query: &str, number: u32) -> Result<Page<Person>, SdkError> {
    let builder = sdk::UsersRequestBuilder::new()?;
    builder.set_limit(PAGE_SIZE)?;
    // By default those who are online come first, and would change places between two pages.
    builder.sort_by("name")?;
    builder.set_page(number)?;
    if !query.is_empty() {
        builder.set_search_keyword(query)?;
    }
    Ok(page(&fetch(builder.build()?.fetch_next()).await?, convert::person))
}

/// Fetches one person; `None` if CometChat has no user with this uid.
pub async fn find(uid: &str) -> Result<Option<Person>, SdkError> {
    match call(sdk::get_user(uid), CALL_TIMEOUT_MS).await {
        Ok(user) => Ok(convert::person(user.unchecked_ref())),
        Err(SdkError::Other(code)) if code == "ERR_UID_NOT_FOUND" => Ok(None),
        Err(error) => Err(error),
    }
}

/// Fetches the page of messages before this one, or the latest page. The last page has the first message.
pub async fn older(peer: &str, before: Option<u64>) -> Result<Page<Rc<Message>>, SdkError> {
    let request = history(peer, before)?;
    loop {
        let page = page(&fetch(request.fetch_previous()).await?, convert::message);
        // The next page is found by a message of this one.
        if page.is_last || !page.items.is_empty() {
            return Ok(page);
        }
    }
}

/// Fetches all messages after this one.
pub async fn newer(peer: &str, after: u64) -> Result<Vec<Rc<Message>>, SdkError> {
    let request = history(peer, Some(after))?;
    let mut all = Vec::new();
    let mut latest = Some(after);
    loop {
        let page = fetch(request.fetch_next()).await?;
        all.extend(convert::items(&page, convert::message));
        let id = page.iter().last().and_then(|last| convert::id(last.unchecked_ref::<sdk::Message>().id()));
        // The page is empty, or the same as before, which would repeat forever.
        if id <= latest {
            return Ok(all);
        }
        latest = id;
    }
}

/// Sends a text message. CometChat returns `key` with the message wherever it appears.
pub async fn send(peer: &str, text: &str, key: &str) -> Result<Rc<Message>, SdkError> {
    let message = sdk::TextMessage::new(peer, text, RECEIVER_TYPE)?;
    message.set_muid(key)?;
    let sent = call(sdk::send_message(&message), CALL_TIMEOUT_MS).await?;
    convert::message(sent.unchecked_ref())
        .ok_or_else(|| SdkError::Other("the sent message cannot be read".into()))
}

/// Marks all messages of this peer as read.
pub async fn mark_read(peer: &str) -> Result<(), SdkError> {
    call(sdk::mark_conversation_as_read(peer, RECEIVER_TYPE), CALL_TIMEOUT_MS).await.map(drop)
}

/// Tells the peer that the user started or stopped typing. A failure has no consequence.
pub fn set_typing(peer: &str, typing: bool) {
    let Ok(indicator) = sdk::TypingIndicator::new(peer, RECEIVER_TYPE) else { return };
    let _ = if typing { sdk::start_typing(&indicator) } else { sdk::end_typing(&indicator) };
}

fn history(peer: &str, from: Option<u64>) -> Result<sdk::PagedRequest, SdkError> {
    let builder = sdk::MessagesRequestBuilder::new()?;
    builder.set_limit(PAGE_SIZE)?;
    builder.set_uid(peer)?;
    builder.set_categories(&Array::of1(&JsValue::from_str("message")))?;
    if let Some(from) = from {
        // The cast is exact for any id below 2^53.
        builder.set_message_id(from as f64)?;
    }
    Ok(builder.build()?)
}

async fn fetch(page: Result<Promise, JsValue>) -> Result<Array, SdkError> {
    let page = call(page, CALL_TIMEOUT_MS).await?;
    Ok(if Array::is_array(&page) { page.unchecked_into() } else { Array::new() })
}

/// Converts a page of a list. CometChat has no page after one that is not full.
fn page<T: JsCast, U>(page: &Array, convert: impl Fn(&T) -> Option<U>) -> Page<U> {
    Page { items: convert::items(page, convert), is_last: page.length() < PAGE_SIZE }
}

// On the host, where tests have a runtime.
#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;

    /// Returns the result of `first_pages` for pages of these lengths, of at most two items, and the number of fetches.
    async fn fetch_pages(lengths: &[usize]) -> (usize, bool, usize) {
        let mut lengths = lengths.iter();
        let count = lengths.len();
        let page = first_pages(2, async || {
            let length = lengths.next().copied().unwrap_or_default();
            Ok(Page { items: vec![(); length], is_last: length < 2 })
        });
        let page = page.await.unwrap();
        (page.items.len(), page.is_last, count - lengths.len())
    }

    #[tokio::test]
    async fn list_ends_at_a_page_that_is_not_full() {
        assert_eq!(fetch_pages(&[1, 9]).await, (1, true, 1));
        assert_eq!(fetch_pages(&[2, 0, 9]).await, (2, true, 2));
        assert_eq!(fetch_pages(&[2, 1, 9]).await, (3, true, 2));
    }

    #[tokio::test]
    async fn list_of_exactly_the_maximum_is_complete() {
        assert_eq!(fetch_pages(&[2, 2, 0]).await, (4, true, 3));
    }

    #[tokio::test]
    async fn list_longer_than_the_maximum_is_incomplete() {
        assert_eq!(fetch_pages(&[2, 2, 1]).await, (4, false, 3));
        assert_eq!(fetch_pages(&[2, 2, 2, 2]).await, (4, false, 3));
    }
}
