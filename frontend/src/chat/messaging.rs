//! The functions of CometChat's SDK for people and messages, typed, and each with a time limit. What the SDK
//! answers is read field by field: an object that lacks one has lost its methods too (the SDK then leaves it
//! as it came), and is passed over.

use super::sdk::{LIMIT_MS, SdkError, settle};
use crate::talk::{Conversation, Message, PEOPLE, Person};
use js_sys::{Array, Function, Object, Promise, Reflect};
use shared::visible_text;
use std::rc::Rc;
use wasm_bindgen::prelude::*;

/// Messages in a page of history.
pub const PAGE: usize = 50;
/// As many as the SDK allows.
const CONVERSATIONS_PER_PAGE: u32 = 50;
/// Pages that are fetched in a row before something is taken to be wrong.
const MAX_PAGES: usize = 40;
const USER: &str = "user";

/// What happens by itself.
#[derive(Debug, Clone, PartialEq)]
pub enum Live {
    Message {
        message: Rc<Message>,
        /// With whom it was exchanged, where the SDK says so.
        other: Option<Person>,
    },
    Typing {
        from: String,
        typing: bool,
    },
    /// Somebody has come or gone.
    Presence(Person),
    /// The peer has got, or read, everything up to this message.
    Receipt {
        from: String,
        id: u64,
        read: bool,
    },
}

/// Reads what an event of the SDK brings.
type Read = Box<dyn Fn(&JsValue) -> Option<Live>>;

/// Tells `on` of everything that happens from now on, in place of whoever was told before. The SDK must have
/// been started. Its closures live as long as the page.
pub fn listen(me: &str, on: impl Fn(Live) + 'static) -> Result<(), SdkError> {
    let on = Rc::new(on);
    let handler = |object: &Object, name: &str, read: Read| {
        let on = on.clone();
        let told = Closure::<dyn Fn(JsValue)>::new(move |value: JsValue| {
            if let Some(live) = read(&value) {
                on(live);
            }
        });
        Reflect::set(object, &JsValue::from_str(name), &told.into_js_value()).map(drop)
    };
    let typing = |typing| -> Read {
        Box::new(move |value| Some(Live::Typing { from: text(&get(value, "getSender")?, "getUid")?, typing }))
    };
    let receipt = |read| -> Read {
        Box::new(move |value| {
            let from = text(&get(value, "getSender")?, "getUid")?;
            Some(Live::Receipt { from, id: id(&get(value, "getMessageId")?)?, read })
        })
    };
    let presence =
        |online| -> Read { Box::new(move |value| Some(Live::Presence(Person { online, ..person(value)? }))) };
    let me = me.to_owned();
    let listen = || {
        let messages = Object::new();
        for event in ["onTextMessageReceived", "onMediaMessageReceived", "onCustomMessageReceived"] {
            let me = me.clone();
            handler(
                &messages,
                event,
                Box::new(move |value| {
                    let message = message(value)?;
                    let is_mine = message.from == me;
                    if !is_mine {
                        // Lost where it fails: reading it will say so too.
                        let _ = mark_as_delivered(value);
                    }
                    let other = get(value, if is_mine { "getReceiver" } else { "getSender" });
                    Some(Live::Message { message, other: other.and_then(|other| person(&other)) })
                }),
            )?;
        }
        handler(&messages, "onTypingStarted", typing(true))?;
        handler(&messages, "onTypingEnded", typing(false))?;
        handler(&messages, "onMessagesDelivered", receipt(false))?;
        handler(&messages, "onMessagesRead", receipt(true))?;
        add_message_listener("talk", &messages)?;
        let users = Object::new();
        handler(&users, "onUserOnline", presence(true))?;
        handler(&users, "onUserOffline", presence(false))?;
        add_user_listener("talk", &users)
    };
    listen().map_err(|error: JsValue| SdkError::from_js(&error))
}

/// Every conversation of this user.
pub async fn conversations() -> Result<Vec<Conversation>, SdkError> {
    let request = build(ConversationsRequestBuilder::new().map(Into::into), CONVERSATIONS_PER_PAGE, &[])?;
    let mut all = Vec::new();
    for _ in 0..MAX_PAGES {
        let page = fetch(&request, "fetchNext").await?;
        if page.length() == 0 {
            break;
        }
        all.extend(page.iter().filter_map(|value| conversation(&value)));
    }
    Ok(all)
}

/// People by name; those who fit `query` where it is not empty.
pub async fn people(query: &str) -> Result<Vec<Person>, SdkError> {
    let search = [("setSearchKeyword", JsValue::from_str(query))];
    let settings = if query.is_empty() { &[][..] } else { &search[..] };
    let request = build(UsersRequestBuilder::new().map(Into::into), PEOPLE, settings)?;
    Ok(fetch(&request, "fetchNext").await?.iter().filter_map(|value| person(&value)).collect())
}

/// One person; `None` when CometChat knows nobody of this uid.
pub async fn find(uid: &str) -> Result<Option<Person>, SdkError> {
    match settle(get_user(uid), LIMIT_MS).await {
        Ok(value) => Ok(person(&value)),
        Err(SdkError::Other(code)) if code == "ERR_UID_NOT_FOUND" => Ok(None),
        Err(error) => Err(error),
    }
}

/// The page of messages before this one, or the last page of all. Fewer than [`PAGE`]: there are no more.
pub async fn older(peer: &str, before: Option<u64>) -> Result<Vec<Rc<Message>>, SdkError> {
    Ok(messages(&fetch(&history(peer, before)?, "fetchPrevious").await?))
}

/// Everything after this message.
pub async fn newer(peer: &str, after: u64) -> Result<Vec<Rc<Message>>, SdkError> {
    let request = history(peer, Some(after))?;
    let mut all = Vec::new();
    for _ in 0..MAX_PAGES {
        let page = fetch(&request, "fetchNext").await?;
        if page.length() == 0 {
            break;
        }
        all.extend(messages(&page));
    }
    Ok(all)
}

/// Sends a text. `key` goes along, and comes back with the message wherever it is seen.
pub async fn send(peer: &str, text: &str, key: &str) -> Result<Rc<Message>, SdkError> {
    let call = || {
        let message = TextMessage::new(peer, text, USER)?;
        message.set_muid(key)?;
        send_message(&message)
    };
    let sent = settle(call(), LIMIT_MS).await?;
    message(&sent).ok_or_else(|| SdkError::Other("the message that was sent cannot be read".into()))
}

/// Everything that this peer said is read.
pub async fn mark_read(peer: &str) -> Result<(), SdkError> {
    settle(mark_conversation_as_read(peer, USER), LIMIT_MS).await.map(drop)
}

/// Tells the peer that something is being typed, or not any more. Nobody is told where it fails.
pub fn tell_typing(peer: &str, typing: bool) {
    let Ok(indicator) = TypingIndicator::new(peer, USER) else { return };
    let _ = if typing { start_typing(&indicator) } else { end_typing(&indicator) };
}

fn history(peer: &str, from: Option<u64>) -> Result<JsValue, SdkError> {
    let mut settings = vec![("setUID", JsValue::from_str(peer))];
    let categories = Array::of1(&JsValue::from_str("message"));
    settings.push(("setCategories", categories.into()));
    if let Some(from) = from {
        // Exact for any id below 2^53.
        settings.push(("setMessageId", JsValue::from_f64(from as f64)));
    }
    let limit = u32::try_from(PAGE).unwrap_or(50);
    build(MessagesRequestBuilder::new().map(Into::into), limit, &settings)
}

fn build(
    builder: Result<JsValue, JsValue>,
    limit: u32,
    settings: &[(&str, JsValue)],
) -> Result<JsValue, SdkError> {
    let build = || {
        let mut builder = builder?;
        let limit = [("setLimit", JsValue::from_f64(limit.into()))];
        for (name, value) in limit.iter().chain(settings) {
            builder = method(&builder, name)?.call1(&builder, value)?;
        }
        method(&builder, "build")?.call0(&builder)
    };
    build().map_err(|error: JsValue| SdkError::from_js(&error))
}

async fn fetch(request: &JsValue, name: &str) -> Result<Array, SdkError> {
    let call = method(request, name).and_then(|fetch| fetch.call0(request)).map(JsCast::unchecked_into);
    let found = settle(call, LIMIT_MS).await?;
    Ok(if Array::is_array(&found) { found.unchecked_into() } else { Array::new() })
}

fn method(object: &JsValue, name: &str) -> Result<Function, JsValue> {
    Reflect::get(object, &JsValue::from_str(name))?.dyn_into()
}

/// What this method gives, if it is there and gives something.
fn get(object: &JsValue, name: &str) -> Option<JsValue> {
    let value = method(object, name).ok()?.call0(object).ok()?;
    (!value.is_null() && !value.is_undefined()).then_some(value)
}

fn text(object: &JsValue, name: &str) -> Option<String> {
    get(object, name)?.as_string()
}

/// A text in CometChat's cloud, but a number would do too.
fn id(value: &JsValue) -> Option<u64> {
    // The cast is exact for any id below 2^53.
    value.as_string().map_or_else(|| value.as_f64().map(|number| number as u64), |text| text.parse().ok())
}

fn seconds(object: &JsValue, name: &str) -> i64 {
    get(object, name).and_then(|value| value.as_f64()).unwrap_or(0.0) as i64
}

fn person(user: &JsValue) -> Option<Person> {
    let (uid, name) = (text(user, "getUid")?, text(user, "getName")?);
    // CometChat's other clients set any name.
    let name = visible_text::without_hidden(&name).trim().to_owned();
    Some(Person {
        name: if name.is_empty() { uid.clone() } else { name },
        uid,
        online: text(user, "getStatus").is_some_and(|status| status != "offline"),
    })
}

fn message(value: &JsValue) -> Option<Rc<Message>> {
    let read = seconds(value, "getReadAt") > 0;
    Some(Rc::new(Message {
        id: id(&get(value, "getId")?)?,
        from: text(&get(value, "getSender")?, "getUid")?,
        to: text(value, "getReceiverId")?,
        text: text(value, "getText"),
        sent_at: seconds(value, "getSentAt"),
        delivered: read || seconds(value, "getDeliveredAt") > 0,
        read,
        key: text(value, "getMuid").filter(|key| !key.is_empty()),
    }))
}

fn messages(page: &Array) -> Vec<Rc<Message>> {
    page.iter().filter_map(|value| message(&value)).collect()
}

fn conversation(value: &JsValue) -> Option<Conversation> {
    let unread = get(value, "getUnreadMessageCount")?;
    Some(Conversation {
        person: person(&get(value, "getConversationWith")?)?,
        last: get(value, "getLastMessage").and_then(|last| message(&last)),
        unread: u32::try_from(id(&unread).unwrap_or(0)).unwrap_or(u32::MAX),
    })
}

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = CometChat)]
    type ConversationsRequestBuilder;
    #[wasm_bindgen(constructor, js_namespace = CometChat, catch)]
    fn new() -> Result<ConversationsRequestBuilder, JsValue>;

    #[wasm_bindgen(js_namespace = CometChat)]
    type UsersRequestBuilder;
    #[wasm_bindgen(constructor, js_namespace = CometChat, catch)]
    fn new() -> Result<UsersRequestBuilder, JsValue>;

    #[wasm_bindgen(js_namespace = CometChat)]
    type MessagesRequestBuilder;
    #[wasm_bindgen(constructor, js_namespace = CometChat, catch)]
    fn new() -> Result<MessagesRequestBuilder, JsValue>;

    /// Changed by being sent: a new one for each try.
    #[wasm_bindgen(js_namespace = CometChat)]
    type TextMessage;
    #[wasm_bindgen(constructor, js_namespace = CometChat, catch)]
    fn new(receiver: &str, text: &str, receiver_type: &str) -> Result<TextMessage, JsValue>;
    #[wasm_bindgen(method, js_name = setMuid, catch)]
    fn set_muid(this: &TextMessage, key: &str) -> Result<(), JsValue>;

    #[wasm_bindgen(js_namespace = CometChat)]
    type TypingIndicator;
    #[wasm_bindgen(constructor, js_namespace = CometChat, catch)]
    fn new(receiver: &str, receiver_type: &str) -> Result<TypingIndicator, JsValue>;

    #[wasm_bindgen(js_namespace = CometChat, js_name = addMessageListener, catch)]
    fn add_message_listener(name: &str, listener: &Object) -> Result<(), JsValue>;
    #[wasm_bindgen(js_namespace = CometChat, js_name = addUserListener, catch)]
    fn add_user_listener(name: &str, listener: &Object) -> Result<(), JsValue>;
    #[wasm_bindgen(js_namespace = CometChat, js_name = sendMessage, catch)]
    fn send_message(message: &TextMessage) -> Result<Promise, JsValue>;
    #[wasm_bindgen(js_namespace = CometChat, js_name = markAsDelivered, catch)]
    fn mark_as_delivered(message: &JsValue) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(js_namespace = CometChat, js_name = markConversationAsRead, catch)]
    fn mark_conversation_as_read(with: &str, kind: &str) -> Result<Promise, JsValue>;
    #[wasm_bindgen(js_namespace = CometChat, js_name = startTyping, catch)]
    fn start_typing(indicator: &TypingIndicator) -> Result<(), JsValue>;
    #[wasm_bindgen(js_namespace = CometChat, js_name = endTyping, catch)]
    fn end_typing(indicator: &TypingIndicator) -> Result<(), JsValue>;
    #[wasm_bindgen(js_namespace = CometChat, js_name = getUser, catch)]
    fn get_user(uid: &str) -> Result<Promise, JsValue>;
}
