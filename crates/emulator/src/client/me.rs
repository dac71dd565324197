//! The signed-in user: signing in and out, settings, telemetry.

use crate::{
    auth::{Caller, header_text},
    errors::Failure,
    extract::Body,
    payloads::{read_device, read_profile_change},
    response::{Answer, data, done},
    state::{Config, Emulator},
    world::{ProfileChange, World},
};
use actix_web::{HttpRequest, web::Data};
use serde_json::{Value, json};

/// `PUT /me` is two things: with a device it is a login, otherwise it changes the user's own profile.
/// Both answer alike, because the SDK stores the answer in place of the user that it had.
pub async fn sign_in_or_update(
    caller: Caller,
    emulator: Data<Emulator>,
    request: HttpRequest,
    body: Body,
) -> Answer {
    if body.fields.value("platform").is_some() || body.fields.value("deviceId").is_some() {
        let device = read_device(body)?;
        emulator.world().set_device(&caller.token, device)?;
    } else {
        // Nobody gives himself a role.
        let change = ProfileChange { role: None, ..read_profile_change(body)? };
        emulator.world().update_user(&caller.uid, change)?;
    }
    Ok(data(view(&emulator.world(), &emulator.config, &caller, &request)?))
}

pub async fn get(caller: Caller, emulator: Data<Emulator>, request: HttpRequest) -> Answer {
    Ok(data(view(&emulator.world(), &emulator.config, &caller, &request)?))
}

/// The only view of a user with an auth token in it: the caller's own, and the very one that was sent.
fn view(world: &World, config: &Config, caller: &Caller, request: &HttpRequest) -> Result<Value, Failure> {
    let token = world.token(&caller.token)?;
    let mut view = world.user_view(world.user(&token.uid)?, None, true);
    if let Some(view) = view.as_object_mut() {
        view.insert("authToken".into(), json!(token.secret));
        view.insert("jwt".into(), json!(token.jwt));
        view.insert("settings".into(), settings_for(config, request));
    }
    Ok(view)
}

pub async fn sign_out(caller: Caller, emulator: Data<Emulator>) -> Answer {
    emulator.world().revoke(&caller.token)?;
    Ok(done("User logged out successfully."))
}

pub async fn settings(_: Caller, emulator: Data<Emulator>, request: HttpRequest) -> Answer {
    Ok(data(settings_for(&emulator.config, &request)))
}

/// Where the SDK finds everything from here on: the host that it has already reached this one by.
fn settings_for(config: &Config, request: &HttpRequest) -> Value {
    let host = header_text(request, "host").unwrap_or("localhost");
    // An IPv6 address has colons of its own, inside brackets.
    let (name, port) = host.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')).unwrap_or((host, "80"));
    json!({
        "CHAT_HOST": name,
        "CHAT_WSS_PORT": port,
        "CLIENT_API_HOST": host,
        "ADMIN_API_HOST": host,
        "CHAT_API_VERSION": "v3.0",
        // Below 3, each reload signs in again and may leave a dead socket.
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

/// Telemetry: the SDK wants its session id back, and does not send it again then.
pub async fn user_sessions(_: Caller, body: Body) -> Answer {
    Ok(data(json!({ "sessionId": body.fields.value("sessionId") })))
}

pub async fn ping(_: Body) -> Answer {
    Ok(done("pong"))
}
