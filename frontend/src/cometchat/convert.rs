//! Converts the SDK's objects. An object that lacks a required field is skipped.

use super::bindings as sdk;
use crate::model::{Conversation, Message, Person};
use js_sys::Array;
use shared::visible_text;
use std::rc::Rc;
use wasm_bindgen::{JsCast, JsValue};

pub fn person(user: &sdk::User) -> Option<Person> {
    let (uid, name) = (text(user.uid())?, text(user.name())?);
    // CometChat's other clients can set any name.
    let name = visible_text::without_hidden(&name).trim().to_owned();
    Some(Person {
        name: if name.is_empty() { uid.clone() } else { name },
        online: text(user.status()).is_some_and(|status| status != "offline"),
        uid,
    })
}

pub fn message(message: &sdk::Message) -> Option<Rc<Message>> {
    let is_read = seconds(message.read_at()) > 0;
    Some(Rc::new(Message {
        id: id(message.id())?,
        from: text(present(message.sender())?.uid())?,
        to: text(message.receiver_id())?,
        text: text(message.text()),
        sent_at: seconds(message.sent_at()),
        delivered: is_read || seconds(message.delivered_at()) > 0,
        read: is_read,
        key: text(message.muid()).filter(|key| !key.is_empty()),
    }))
}

pub fn conversation(conversation: &sdk::Conversation) -> Option<Conversation> {
    let unread = present(conversation.unread_message_count())?;
    Some(Conversation {
        person: person(&present(conversation.conversation_with())?)?,
        last: present(conversation.last_message()).and_then(|last| message(&last)),
        unread: u32::try_from(id(Ok(unread)).unwrap_or(0)).unwrap_or(u32::MAX),
    })
}

/// Converts each object of a page of results.
pub fn items<T: JsCast, U>(page: &Array, convert: impl Fn(&T) -> Option<U>) -> Vec<U> {
    page.iter().filter_map(|value| convert(value.unchecked_ref())).collect()
}

/// Returns the value of a getter, unless it threw or returned `null` or `undefined`.
pub fn present<T: AsRef<JsValue>>(value: Result<T, JsValue>) -> Option<T> {
    value.ok().filter(|value| !value.as_ref().is_null() && !value.as_ref().is_undefined())
}

pub fn text(value: Result<JsValue, JsValue>) -> Option<String> {
    present(value)?.as_string()
}

/// Converts an id, which CometChat's cloud sends as a string, but may send as a number.
pub fn id(value: Result<JsValue, JsValue>) -> Option<u64> {
    let value = present(value)?;
    // The cast is exact for any id below 2^53.
    value.as_string().map_or_else(|| value.as_f64().map(|number| number as u64), |text| text.parse().ok())
}

fn seconds(value: Result<JsValue, JsValue>) -> i64 {
    present(value).and_then(|value| value.as_f64()).unwrap_or(0.0) as i64
}
