//! A world to begin with: people who have talked to the demo user, and a bot that answers. The bot lives by
//! the same rules as everybody: a socket, a token, receipts and typing.

use crate::errors::Failure;
use crate::state::Emulator;
use crate::world::{
    NewMessage, Outgoing, PresenceSubscription, ProfileChange, Receipt, SocketId, Subject, World,
};
use actix_web::web::Data;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// The user that `make run` signs in, and another that it makes.
const DEMO: &str = "test-user-id";
const GRACE: &str = "grace";
const BOT: &str = "echo-bot";
/// How long the bot takes to type.
const TYPING: Duration = Duration::from_millis(900);

const PEOPLE: [(&str, &str); 4] =
    [(DEMO, "Test User"), (GRACE, "Grace Hopper"), ("ada", "Ada Lovelace"), (BOT, "Echo Bot")];

/// From whom to whom, how many minutes ago, and what.
const HISTORY: [(&str, &str, u64, &str); 9] = [
    ("ada", DEMO, 2_900, "The engine weaves algebraical patterns just as the loom weaves flowers."),
    (DEMO, "ada", 2_890, "Send me the table when it is done?"),
    ("ada", DEMO, 2_880, "You shall have it by Monday."),
    (GRACE, DEMO, 1_500, "Did the nightly build go through?"),
    (DEMO, GRACE, 1_498, "It did, after I gave the linker more memory."),
    (
        DEMO,
        GRACE,
        1_497,
        "There was a moth in it, figuratively speaking. Notes are at https://example.com/notes",
    ),
    (GRACE, DEMO, 21, "A moth! I have a page in my log book for those."),
    (GRACE, DEMO, 20, "The compiler found it, of course."),
    (BOT, DEMO, 4, "Hello! Say something, and I say it back."),
];

/// Lives as the bot, in a world that was populated, until its socket is closed.
pub async fn live(emulator: Data<Emulator>) {
    let (id, mut frames) = {
        let mut world = emulator.world();
        let Ok(token) = world.mint(BOT, true) else { return };
        let (id, frames) = world.connect();
        let device_id = "WEB-echo-bot".to_owned();
        let presence = PresenceSubscription::None;
        world.sign_in(id, Subject { uid: BOT.into(), token: token.secret, device_id, presence });
        (id, frames)
    };
    while let Some(Outgoing::Frame(frame)) = frames.recv().await {
        let Ok(frame) = serde_json::from_str::<Value>(&frame) else { continue };
        let text = |place: &str| frame.pointer(place).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (from, said) = (text("/body/sender"), text("/body/data/text"));
        if text("/type") == "message" && from != BOT && !said.is_empty() {
            let message = text("/body/id").parse().unwrap_or(0);
            answer(&emulator, id, message, &from, &said).await;
        }
    }
}

async fn answer(emulator: &Emulator, socket: SocketId, message: u64, to: &str, said: &str) {
    {
        let mut world = emulator.world();
        world.receive(BOT, message, Receipt::Read, Some(socket));
        world.relay(socket, "typing_indicator", to, json!({"action": "started"}));
    }
    tokio::time::sleep(TYPING).await;
    let mut world = emulator.world();
    world.relay(socket, "typing_indicator", to, json!({"action": "ended"}));
    // Whoever was deleted meanwhile gets no answer.
    let _ = world.send(words(BOT, to, said));
}

/// Fills an empty world.
pub fn populate(world: &mut World) -> Result<(), Failure> {
    for (uid, name) in PEOPLE {
        world.create_user(uid, ProfileChange { name: Some(name.into()), ..ProfileChange::default() })?;
    }
    for (from, to, minutes, text) in HISTORY {
        let sent_at = world.now().saturating_sub(minutes * 60);
        let message = world.send_at(words(from, to, text), sent_at)?;
        // What is old was read.
        if minutes > 60 {
            world.receive(to, message.id, Receipt::Read, None);
        }
    }
    Ok(())
}

fn words(from: &str, to: &str, text: &str) -> NewMessage {
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
