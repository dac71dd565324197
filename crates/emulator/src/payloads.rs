//! The bodies that servers and clients send alike: profiles, devices and messages, with their limits.

use crate::{
    errors::Failure,
    extract::{Body, Fields},
    world::{Device, NewMessage, ProfileChange},
};
use serde_json::{Map, Value, json};

const LONGEST_UID: usize = 100;
const LARGEST_PROFILE: usize = 10 * 1024;
const LARGEST_METADATA: usize = 5 * 1024;
const LONGEST_NAME: usize = 100;
const LONGEST_LINK: usize = 3000;
const MOST_TAGS: usize = 25;
const LONGEST_TAG: usize = 100;
/// Not documented: what a profile's metadata may be.
const LARGEST_APP_INFO: usize = LARGEST_METADATA;
const LONGEST_MESSAGE: usize = 65_536;
const LARGEST_DATA: usize = 10 * 1024;

/// A new user: the uid as it was sent, the rest of the profile, and whether a token is wanted too.
pub fn read_new_user(body: Body) -> Result<(String, ProfileChange, bool), Failure> {
    let mut fields = body.at_most_bytes(LARGEST_PROFILE)?.fields;
    let uid = fields.required_text("uid", LONGEST_UID);
    fields.require("name");
    let profile = profile_in(&mut fields);
    let with_token = fields.flag("withAuthToken");
    fields.finish()?;
    Ok((uid, profile, with_token))
}

pub fn read_profile_change(body: Body) -> Result<ProfileChange, Failure> {
    let mut fields = body.at_most_bytes(LARGEST_PROFILE)?.fields;
    let change = profile_in(&mut fields);
    fields.finish()?;
    Ok(change)
}

fn profile_in(fields: &mut Fields) -> ProfileChange {
    ProfileChange {
        name: fields.filled_text("name", LONGEST_NAME),
        avatar: fields.link("avatar", LONGEST_LINK),
        link: fields.link("link", LONGEST_LINK),
        role: fields.text("role", LONGEST_NAME),
        // No limit is documented; the body has one.
        status_message: fields.text("statusMessage", LARGEST_PROFILE),
        metadata: fields.json("metadata", LARGEST_METADATA),
        tags: fields.list("tags", MOST_TAGS, LONGEST_TAG),
        unset: fields.list("unset", MOST_TAGS, LONGEST_TAG).unwrap_or_default(),
    }
}

/// The SDK tells its user agent inside `appInfo`.
pub fn read_device(body: Body) -> Result<Device, Failure> {
    let mut fields = body.fields;
    let app_info = fields.json("appInfo", LARGEST_APP_INFO);
    let user_agent = fields.text("userAgent", LARGEST_APP_INFO).or_else(|| {
        let told = app_info.as_ref()?.get("userAgent")?;
        told.as_str().map(str::to_owned)
    });
    let device = Device { platform: fields.text("platform", LONGEST_NAME), user_agent, app_info };
    fields.finish()?;
    Ok(device)
}

/// `resource` is the tab that sends; `thread` is the message that this one replies to, if the path says so.
pub fn read_message(
    body: Body,
    sender: String,
    resource: Option<String>,
    thread: Option<u64>,
) -> Result<NewMessage, Failure> {
    let mut fields = body.at_most_characters(LONGEST_MESSAGE)?.fields;
    let receiver = fields.required_text("receiver", LONGEST_UID);
    let receiver_type = fields.required_text("receiverType", 100);
    let kind = fields.required_text("type", 100);
    let category = fields.text("category", 100);
    let muid = fields.text("muid", 1000);
    let tags = fields.list("tags", MOST_TAGS, LONGEST_TAG).unwrap_or_default();
    let named_parent = fields.text("parentId", 20).or_else(|| fields.text("parentMessageId", 20));
    let mut data = match fields.json("data", LARGEST_DATA) {
        Some(Value::Object(data)) => data,
        _ => Map::new(),
    };
    let plain_text = fields.text("text", LONGEST_MESSAGE);
    fields.finish()?;
    match receiver_type.as_str() {
        "user" => {}
        // There are no groups here, so none is found.
        "group" => return Err(Failure::GuidNotFound(receiver)),
        _ => return Err(Failure::invalid("receiverType", "The receiverType must be user or group.")),
    }
    if kind == "text" {
        let text =
            data.get("text").and_then(Value::as_str).map(str::to_owned).or(plain_text).unwrap_or_default();
        if text.trim().is_empty() {
            return Err(Failure::EmptyMessageText);
        }
        data.insert("text".into(), json!(text));
    }
    let parent = match (thread, named_parent) {
        (Some(id), _) => Some(id),
        (None, Some(id)) => Some(message_id(&id)?),
        (None, None) => None,
    };
    let category = category.unwrap_or_else(|| "message".into());
    Ok(NewMessage { sender, receiver, category, kind, data, muid, tags, parent, resource })
}

pub fn message_id(text: &str) -> Result<u64, Failure> {
    text.parse().map_err(|_| Failure::MessageIdNotFound(text.into()))
}
