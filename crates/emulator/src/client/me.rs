//! The signed-in user: login, logout, settings and telemetry.

use crate::{
    auth::{Caller, header_text},
    errors::RestError,
    extract::JsonBody,
    payloads::{parse_device, parse_profile_change},
    response::{RestResult, data, success},
    state::{Config, Emulator},
    world::{ProfileChange, World},
};
use actix_web::{HttpRequest, web::Data};
use serde_json::{Value, json};

/// Handles `PUT /me`: with a device it is a login, otherwise it changes the caller's profile. Both
/// return the same view, because the SDK stores the response as its current user.
pub async fn login_or_update(
    caller: Caller,
    emulator: Data<Emulator>,
    request: HttpRequest,
    body: JsonBody,
) -> RestResult {
    if body.fields.value("platform").is_some() || body.fields.value("deviceId").is_some() {
        let device = parse_device(body)?;
        emulator.world().set_device(&caller.token, device)?;
    } else {
        // Users cannot change their own role.
        let change = ProfileChange { role: None, ..parse_profile_change(body)? };
        emulator.world().update_user(&caller.uid, change)?;
    }
    Ok(data(own_view(&emulator.world(), &emulator.config, &caller, &request)?))
}

pub async fn get(caller: Caller, emulator: Data<Emulator>, request: HttpRequest) -> RestResult {
    Ok(data(own_view(&emulator.world(), &emulator.config, &caller, &request)?))
}

/// Returns the view of the caller. It is the only view with an auth token, the one that the caller sent.
fn own_view(
    world: &World,
    config: &Config,
    caller: &Caller,
    request: &HttpRequest,
) -> Result<Value, RestError> {
    let token = world.token(&caller.token)?;
    let mut view = world.user_view(world.user(&token.uid)?, None, true);
    if let Some(view) = view.as_object_mut() {
        view.insert("authToken".into(), json!(token.secret));
        view.insert("jwt".into(), json!(token.jwt));
        view.insert("settings".into(), settings_for(config, request));
    }
    Ok(view)
}

pub async fn logout(caller: Caller, emulator: Data<Emulator>) -> RestResult {
    emulator.world().revoke_token(&caller.token)?;
    Ok(success("User logged out successfully."))
}

pub async fn settings(_: Caller, emulator: Data<Emulator>, request: HttpRequest) -> RestResult {
    Ok(data(settings_for(&emulator.config, &request)))
}

/// Returns the SDK's settings. All hosts in it are the one by which the SDK reached the emulator.
fn settings_for(config: &Config, request: &HttpRequest) -> Value {
    let host = header_text(request, "host").unwrap_or("localhost");
    // An IPv6 address has colons too, inside brackets.
    let (name, port) = host.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')).unwrap_or((host, "80"));
    json!({
        "CHAT_HOST": name,
        "CHAT_WSS_PORT": port,
        "CLIENT_API_HOST": host,
        "ADMIN_API_HOST": host,
        "CHAT_API_VERSION": "v3.0",
        // Below 3, the SDK logs in again on each reload and may leave a dead socket.
        "APP_VERSION": 4,
        "MODE": "DEFAULT",
        "ANALYTICS_PING_DISABLED": true,
        "ANALYTICS_HOST": host,
        "ANALYTICS_VERSION": "v1",
        "REGION": config.region,
        "extensions": [],
        "parameters": {},
    })
}

/// Accepts telemetry. The SDK sends its session again until a response returns the session id.
pub async fn user_sessions(_: Caller, body: JsonBody) -> RestResult {
    Ok(data(json!({ "sessionId": body.fields.value("sessionId") })))
}

pub async fn ping(_: JsonBody) -> RestResult {
    Ok(success("pong"))
}
