//! Demo data: users who have chatted with the demo user, and an echo bot. The bot is an ordinary user
//! with a token and a socket, and sends receipts and typing indicators.

use crate::errors::RestError;
use crate::state::Emulator;
use crate::world::{
    NewMessage, PresenceSubscription, ProfileChange, Receipt, SocketCommand, SocketId, SocketUser, World,
};
use actix_web::web::Data;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// The two accounts that `make run` creates.
const DEMO_USER: &str = "test-user-id";
const GRACE: &str = "grace";
const BOT: &str = "echo-bot";
/// Time between the bot's typing indicator and its reply.
const TYPING_DELAY: Duration = Duration::from_millis(900);

/// The uid and name of each user.
const USERS: [(&str, &str); 4] =
    [(DEMO_USER, "Test User"), (GRACE, "Grace Hopper"), ("ada", "Ada Lovelace"), (BOT, "Echo Bot")];

/// Sender, receiver, age in minutes, and text of each message.
const HISTORY: [(&str, &str, u64, &str); 9] = [
    ("ada", DEMO_USER, 2_900, "The engine weaves algebraical patterns just as the loom weaves flowers."),
    (DEMO_USER, "ada", 2_890, "Send me the table when it is done?"),
    ("ada", DEMO_USER, 2_880, "You shall have it by Monday."),
    (GRACE, DEMO_USER, 1_500, "Did the nightly build go through?"),
    (DEMO_USER, GRACE, 1_498, "It did, after I gave the linker more memory."),
    (
        DEMO_USER,
        GRACE,
        1_497,
        "There was a moth in it, figuratively speaking. Notes are at https://example.com/notes",
    ),
    (GRACE, DEMO_USER, 21, "A moth! I have a page in my log book for those."),
    (GRACE, DEMO_USER, 20, "The compiler found it, of course."),
    (BOT, DEMO_USER, 4, "Hello! Say something, and I say it back."),
];

/// Runs the echo bot in a populated world until its socket is closed.
pub async fn run_bot(emulator: Data<Emulator>) {
    let (id, mut frames) = {
        let mut world = emulator.world();
        let Ok(token) = world.mint_token(BOT, true) else { return };
        let (id, frames) = world.connect();
        let device_id = "WEB-echo-bot".to_owned();
        let presence = PresenceSubscription::None;
        world.authenticate_socket(
            id,
            SocketUser { uid: BOT.into(), token: token.secret, device_id, presence },
        );
        (id, frames)
    };
    while let Some(SocketCommand::Frame(frame)) = frames.recv().await {
        let Ok(frame) = serde_json::from_str::<Value>(&frame) else { continue };
        let text =
            |pointer: &str| frame.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (sender, received) = (text("/body/sender"), text("/body/data/text"));
        if text("/type") == "message" && sender != BOT && !received.is_empty() {
            let message = text("/body/id").parse().unwrap_or(0);
            reply(&emulator, id, message, &sender, &received).await;
        }
    }
}

/// Marks a message as read, types for a moment and sends the text back.
async fn reply(emulator: &Emulator, socket: SocketId, message: u64, to: &str, text: &str) {
    {
        let mut world = emulator.world();
        world.record_receipt(BOT, message, Receipt::Read, Some(socket));
        world.relay(socket, "typing_indicator", to, json!({"action": "started"}));
    }
    tokio::time::sleep(TYPING_DELAY).await;
    let mut world = emulator.world();
    world.relay(socket, "typing_indicator", to, json!({"action": "ended"}));
    // Sending fails if the user was deleted during the delay.
    let _ = world.send(text_message(BOT, to, text));
}

/// Adds the demo users and their history to an empty world.
pub fn populate(world: &mut World) -> Result<(), RestError> {
    for (uid, name) in USERS {
        world.create_user(uid, ProfileChange { name: Some(name.into()), ..ProfileChange::default() })?;
    }
    for (from, to, minutes, text) in HISTORY {
        let sent_at = world.now().saturating_sub(minutes * 60);
        let message = world.send_at(text_message(from, to, text), sent_at)?;
        // Only the newest messages are unread.
        if minutes > 60 {
            world.record_receipt(to, message.id, Receipt::Read, None);
        }
    }
    Ok(())
}

fn text_message(from: &str, to: &str, text: &str) -> NewMessage {
    NewMessage {
        sender: from.into(),
        receiver: to.into(),
        category: "message".into(),
        kind: "text".into(),
        data: Map::from_iter([("text".to_owned(), json!(text))]),
        muid: None,
        tags: Vec::new(),
        parent: None,
        resource: None,
    }
}
