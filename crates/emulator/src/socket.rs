//! The SDK's WebSocket on `/`, with one task per connection. The task applies received frames to the
//! world and sends the frames that the world pushes.

use crate::{
    state::Emulator,
    world::{PresenceSubscription, Receipt, SocketCommand, SocketId, SocketUser},
};
use actix_web::{Error, HttpRequest, HttpResponse, guard, rt, web};
use actix_ws::{AggregatedMessage, AggregatedMessageStream, CloseCode, CloseReason, Session};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedReceiver;

const MAX_FRAME_BYTES: usize = 256 * 1024;

pub fn routes(config: &mut web::ServiceConfig) {
    config.service(
        web::resource("/")
            .guard(guard::fn_guard(|context| context.head().upgrade()))
            .route(web::get().to(open)),
    );
}

async fn open(
    emulator: web::Data<Emulator>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Error> {
    let (response, session, frames) = actix_ws::handle(&request, payload)?;
    let frames = frames
        .max_frame_size(MAX_FRAME_BYTES)
        .aggregate_continuations()
        .max_continuation_size(MAX_FRAME_BYTES);
    let (id, inbox) = emulator.world().connect();
    rt::spawn(async move {
        let reason = serve(&emulator, id, session.clone(), frames, inbox).await;
        emulator.world().disconnect(id);
        // Fails if the other side closed first.
        let _ = session.close(reason).await;
    });
    Ok(response)
}

/// Serves the connection until either side closes it. Returns the reason to send with the close.
async fn serve(
    emulator: &Emulator,
    id: SocketId,
    mut session: Session,
    mut frames: AggregatedMessageStream,
    mut inbox: UnboundedReceiver<SocketCommand>,
) -> Option<CloseReason> {
    loop {
        tokio::select! {
            pushed = inbox.recv() => match pushed? {
                SocketCommand::Frame(text) => session.text(text).await.ok()?,
                SocketCommand::Close(reason) => return Some((CloseCode::Policy, reason).into()),
            },
            frame = frames.recv() => match frame?.ok()? {
                AggregatedMessage::Text(text) => receive(emulator, id, &text),
                AggregatedMessage::Ping(bytes) => session.pong(&bytes).await.ok()?,
                AggregatedMessage::Close(reason) => return reason,
                AggregatedMessage::Binary(_) | AggregatedMessage::Pong(_) => {}
            },
        }
    }
}

/// A frame of the SDK. Absent fields are empty.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct Frame {
    app_id: String,
    action: String,
    r#type: String,
    device_id: String,
    sender: String,
    receiver: String,
    receiver_type: String,
    body: Value,
}

impl Frame {
    fn body_text(&self, name: &str) -> &str {
        self.body.get(name).and_then(Value::as_str).unwrap_or_default()
    }
}

/// Applies a frame. Invalid frames are ignored, because the cloud has no error frame for them.
fn receive(emulator: &Emulator, id: SocketId, text: &str) {
    let Ok(frame) = serde_json::from_str::<Frame>(text) else { return };
    if frame.action == "ping" {
        return emulator.world().reply(id, &json!({ "action": "pong" }));
    }
    let user = emulator.world().socket_user(id).cloned();
    match (frame.r#type.as_str(), user) {
        ("auth", None) => authenticate(emulator, id, &frame),
        (kind @ ("typing_indicator" | "transient_message"), Some(_)) if frame.receiver_type == "user" => {
            emulator.world().relay(id, kind, &frame.receiver, frame.body);
        }
        ("receipts", Some(user)) => {
            let message = frame.body.get("messageId").and_then(parse_id);
            if let (Some(message), Some(receipt)) = (message, Receipt::parse(frame.body_text("action"))) {
                emulator.world().record_receipt(&user.uid, message, receipt, Some(id));
            }
        }
        _ => {}
    }
}

/// Parses an id, which the SDK sends as text or as a number.
fn parse_id(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

/// Signs the socket in, or closes it if token, uid and app id do not match.
fn authenticate(emulator: &Emulator, id: SocketId, frame: &Frame) {
    let mut world = emulator.world();
    let token = world.token_of_jwt(frame.body_text("auth"));
    let token = token
        .filter(|token| token.uid == frame.sender.to_lowercase() && frame.app_id == emulator.config.app_id);
    let Some(token) = token.cloned() else {
        world.reply(id, &json!({ "type": "auth", "body": { "code": "401", "status": "UNAUTHORIZED" } }));
        return world.close_socket(id, "Not authorized");
    };
    let presence = match frame.body_text("presenceSubscription") {
        "ALL_USERS" => PresenceSubscription::AllUsers,
        "ROLES" => PresenceSubscription::Roles(parse_roles(frame.body.get("roles"))),
        _ => PresenceSubscription::None,
    };
    // The code must be a string: the SDK never starts to ping after a number.
    world.reply(id, &json!({ "type": "auth", "body": { "code": "200", "status": "OK" } }));
    let device_id = frame.device_id.clone();
    world.authenticate_socket(id, SocketUser { uid: token.uid, token: token.secret, device_id, presence });
}

/// Parses roles from an array or from a comma-separated text.
fn parse_roles(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::Array(roles)) => roles.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Some(Value::String(roles)) => roles.split(',').map(|role| role.trim().to_owned()).collect(),
        _ => Vec::new(),
    }
}
