//! The WebSocket of the SDK, on `/`: one task a connection. Reads frames, does what they ask for in
//! the world, and writes what the world pushes.

use crate::{
    state::Emulator,
    world::{Outgoing, PresenceSubscription, Receipt, SocketId, Subject},
};
use actix_web::{Error, HttpRequest, HttpResponse, guard, rt, web};
use actix_ws::{AggregatedMessage, AggregatedMessageStream, CloseCode, CloseReason, Session};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedReceiver;

const LARGEST_FRAME: usize = 256 * 1024;

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
    let (answer, session, frames) = actix_ws::handle(&request, payload)?;
    let frames =
        frames.max_frame_size(LARGEST_FRAME).aggregate_continuations().max_continuation_size(LARGEST_FRAME);
    let (id, inbox) = emulator.world().connect();
    rt::spawn(async move {
        let reason = serve(&emulator, id, session.clone(), frames, inbox).await;
        emulator.world().disconnect(id);
        // Gone already if the other end closed first.
        let _ = session.close(reason).await;
    });
    Ok(answer)
}

/// Until either side closes; the reason that the other end is told, if it is this one.
async fn serve(
    emulator: &Emulator,
    id: SocketId,
    mut session: Session,
    mut frames: AggregatedMessageStream,
    mut inbox: UnboundedReceiver<Outgoing>,
) -> Option<CloseReason> {
    loop {
        tokio::select! {
            pushed = inbox.recv() => match pushed? {
                Outgoing::Frame(text) => session.text(text).await.ok()?,
                Outgoing::Close(words) => return Some((CloseCode::Policy, words).into()),
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

/// A frame of the SDK. What is not there is empty.
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

/// Frames that make no sense are ignored without a word, as the cloud has none for them.
fn receive(emulator: &Emulator, id: SocketId, text: &str) {
    let Ok(frame) = serde_json::from_str::<Frame>(text) else { return };
    if frame.action == "ping" {
        return emulator.world().reply(id, &json!({ "action": "pong" }));
    }
    let subject = emulator.world().subject(id).cloned();
    match (frame.r#type.as_str(), subject) {
        ("auth", None) => authenticate(emulator, id, &frame),
        (kind @ ("typing_indicator" | "transient_message"), Some(_)) if frame.receiver_type == "user" => {
            emulator.world().relay(id, kind, &frame.receiver, frame.body);
        }
        ("receipts", Some(subject)) => {
            let message = frame.body.get("messageId").and_then(number);
            if let (Some(message), Some(receipt)) = (message, Receipt::named(frame.body_text("action"))) {
                emulator.world().receive(&subject.uid, message, receipt, Some(id));
            }
        }
        _ => {}
    }
}

/// Ids go over the wire as text, or as a number.
fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

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
        "ROLES" => PresenceSubscription::Roles(roles(frame.body.get("roles"))),
        _ => PresenceSubscription::None,
    };
    // The code is text: on a number the SDK never starts to ping.
    world.reply(id, &json!({ "type": "auth", "body": { "code": "200", "status": "OK" } }));
    let device_id = frame.device_id.clone();
    world.sign_in(id, Subject { uid: token.uid, token: token.secret, device_id, presence });
}

/// A list, or a comma list.
fn roles(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::Array(roles)) => roles.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Some(Value::String(roles)) => roles.split(',').map(|role| role.trim().to_owned()).collect(),
        _ => Vec::new(),
    }
}
