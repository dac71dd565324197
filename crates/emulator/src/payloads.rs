//! Request bodies that servers and clients share, with their limits: profiles, devices and messages.

use crate::{
    errors::RestError,
    extract::{Fields, JsonBody},
    world::{Device, MAX_UID_CHARS, NewMessage, ProfileChange},
};
use serde_json::{Map, Value, json};

/// Of a message's type, category and receiver type.
const MAX_KIND_CHARS: usize = 100;
const MAX_MUID_CHARS: usize = 1000;
const MAX_ID_CHARS: usize = 20;
const MAX_PROFILE_BYTES: usize = 10 * 1024;
const MAX_METADATA_BYTES: usize = 5 * 1024;
const MAX_NAME_CHARS: usize = 100;
const MAX_LINK_CHARS: usize = 3000;
const MAX_TAGS: usize = 25;
const MAX_TAG_CHARS: usize = 100;
/// CometChat documents no limit, so this is the limit of a profile's metadata.
const MAX_APP_INFO_BYTES: usize = MAX_METADATA_BYTES;
const MAX_MESSAGE_CHARS: usize = 65_536;
const MAX_DATA_BYTES: usize = 10 * 1024;

/// Parses a new user: the uid as sent, the profile, and whether the response should have a token.
pub fn parse_new_user(body: JsonBody) -> Result<(String, ProfileChange, bool), RestError> {
    let mut fields = body.max_bytes(MAX_PROFILE_BYTES)?.fields;
    let uid = fields.required_text("uid", MAX_UID_CHARS);
    fields.require("name");
    let profile = parse_profile(&mut fields);
    let with_token = fields.flag("withAuthToken");
    fields.finish()?;
    Ok((uid, profile, with_token))
}

pub fn parse_profile_change(body: JsonBody) -> Result<ProfileChange, RestError> {
    let mut fields = body.max_bytes(MAX_PROFILE_BYTES)?.fields;
    let change = parse_profile(&mut fields);
    fields.finish()?;
    Ok(change)
}

fn parse_profile(fields: &mut Fields) -> ProfileChange {
    ProfileChange {
        name: fields.non_blank_text("name", MAX_NAME_CHARS),
        avatar: fields.link("avatar", MAX_LINK_CHARS),
        link: fields.link("link", MAX_LINK_CHARS),
        role: fields.text("role", MAX_NAME_CHARS),
        // CometChat documents no limit, but the body has one.
        status_message: fields.text("statusMessage", MAX_PROFILE_BYTES),
        metadata: fields.json("metadata", MAX_METADATA_BYTES),
        tags: fields.list("tags", MAX_TAGS, MAX_TAG_CHARS),
        unset: fields.list("unset", MAX_TAGS, MAX_TAG_CHARS).unwrap_or_default(),
    }
}

/// Parses a device. The SDK sends its user agent inside `appInfo`.
pub fn parse_device(body: JsonBody) -> Result<Device, RestError> {
    let mut fields = body.fields;
    let app_info = fields.json("appInfo", MAX_APP_INFO_BYTES);
    let user_agent = fields.text("userAgent", MAX_APP_INFO_BYTES).or_else(|| {
        let from_sdk = app_info.as_ref()?.get("userAgent")?;
        from_sdk.as_str().map(str::to_owned)
    });
    let device = Device { platform: fields.text("platform", MAX_NAME_CHARS), user_agent, app_info };
    fields.finish()?;
    Ok(device)
}

/// Parses a message. `resource` is the tab of the sender. `thread` is the parent message if the path
/// names one; otherwise the body may.
pub fn parse_message(
    body: JsonBody,
    sender: String,
    resource: Option<String>,
    thread: Option<u64>,
) -> Result<NewMessage, RestError> {
    let mut fields = body.max_chars(MAX_MESSAGE_CHARS)?.fields;
    let receiver = fields.required_text("receiver", MAX_UID_CHARS);
    let receiver_type = fields.required_text("receiverType", MAX_KIND_CHARS);
    let kind = fields.required_text("type", MAX_KIND_CHARS);
    let category = fields.text("category", MAX_KIND_CHARS);
    let muid = fields.text("muid", MAX_MUID_CHARS);
    let tags = fields.list("tags", MAX_TAGS, MAX_TAG_CHARS).unwrap_or_default();
    let named_parent =
        fields.text("parentId", MAX_ID_CHARS).or_else(|| fields.text("parentMessageId", MAX_ID_CHARS));
    let mut data = match fields.json("data", MAX_DATA_BYTES) {
        Some(Value::Object(data)) => data,
        _ => Map::new(),
    };
    let plain_text = fields.text("text", MAX_MESSAGE_CHARS);
    fields.finish()?;
    match receiver_type.as_str() {
        "user" => {}
        // The emulator has no groups, so it finds none.
        "group" => return Err(RestError::GuidNotFound(receiver)),
        _ => return Err(RestError::invalid("receiverType", "The receiverType must be user or group.")),
    }
    if kind == "text" {
        let text =
            data.get("text").and_then(Value::as_str).map(str::to_owned).or(plain_text).unwrap_or_default();
        if text.trim().is_empty() {
            return Err(RestError::EmptyMessageText);
        }
        data.insert("text".into(), json!(text));
    }
    let parent = match (thread, named_parent) {
        (Some(id), _) => Some(id),
        (None, Some(id)) => Some(parse_message_id(&id)?),
        (None, None) => None,
    };
    let category = category.unwrap_or_else(|| "message".into());
    Ok(NewMessage { sender, receiver, category, kind, data, muid, tags, parent, resource })
}

pub fn parse_message_id(text: &str) -> Result<u64, RestError> {
    text.parse().map_err(|_| RestError::MessageIdNotFound(text.into()))
}
