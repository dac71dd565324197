//! The SDK's events: messages, receipts, typing and presence of other users.

use super::bindings::{self as sdk, mark_as_delivered};
use super::convert::{self, id, present, text};
use super::error::SdkError;
use crate::model::{Message, Person};
use js_sys::{Object, Reflect};
use std::rc::Rc;
use wasm_bindgen::prelude::*;

/// An event that another user caused, or this user on another device.
#[derive(Debug, Clone, PartialEq)]
pub enum ChatUpdate {
    Message {
        message: Rc<Message>,
        /// The other user of the conversation, if the SDK says who it is.
        other: Option<Person>,
    },
    Typing {
        from: String,
        typing: bool,
    },
    /// A user went online or offline.
    Presence(Person),
    /// The other user received or read all messages up to this one.
    Receipt {
        from: String,
        id: u64,
        read: bool,
    },
}

/// Calls `on_update` for every event from now on, in place of an earlier callback. The SDK must be
/// started. The closures live as long as the page.
pub fn listen(me: &str, on_update: impl Fn(ChatUpdate) + 'static) -> Result<(), SdkError> {
    let on_update = Rc::new(on_update);
    let messages = Object::new();
    for event in ["onTextMessageReceived", "onMediaMessageReceived", "onCustomMessageReceived"] {
        let me = me.to_owned();
        add(&messages, event, &on_update, move |message: sdk::Message| {
            let converted = convert::message(&message)?;
            let is_mine = converted.from == me;
            if !is_mine {
                // If this fails, the receipt for reading the message covers it.
                let _ = mark_as_delivered(&message);
            }
            let other = if is_mine { message.receiver() } else { message.sender() };
            let other = present(other).and_then(|other| convert::person(&other));
            Some(ChatUpdate::Message { message: converted, other })
        })?;
    }
    for (event, typing) in [("onTypingStarted", true), ("onTypingEnded", false)] {
        add(&messages, event, &on_update, move |signal: sdk::Signal| {
            Some(ChatUpdate::Typing { from: sender(&signal)?, typing })
        })?;
    }
    for (event, read) in [("onMessagesDelivered", false), ("onMessagesRead", true)] {
        add(&messages, event, &on_update, move |signal: sdk::Signal| {
            Some(ChatUpdate::Receipt { from: sender(&signal)?, id: id(signal.message_id())?, read })
        })?;
    }
    sdk::add_message_listener("conversations", &messages)?;

    let users = Object::new();
    for (event, online) in [("onUserOnline", true), ("onUserOffline", false)] {
        add(&users, event, &on_update, move |user: sdk::User| {
            Some(ChatUpdate::Presence(Person { online, ..convert::person(&user)? }))
        })?;
    }
    sdk::add_user_listener("conversations", &users)?;
    Ok(())
}

fn sender(signal: &sdk::Signal) -> Option<String> {
    text(present(signal.sender())?.uid())
}

/// Adds a handler to a listener object.
fn add<T: JsCast + 'static>(
    listener: &Object,
    event: &str,
    on_update: &Rc<impl Fn(ChatUpdate) + 'static>,
    convert: impl Fn(T) -> Option<ChatUpdate> + 'static,
) -> Result<(), SdkError> {
    let on_update = on_update.clone();
    let handler = Closure::<dyn Fn(JsValue)>::new(move |value: JsValue| {
        if let Some(update) = convert(value.unchecked_into()) {
            on_update(update);
        }
    });
    Reflect::set(listener, &JsValue::from_str(event), &handler.into_js_value())?;
    Ok(())
}
