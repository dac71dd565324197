//! Messages and conversations, as a server uses them in a user's name.

use crate::{
    auth::{FullAccess, OnBehalfOf},
    extract::{Body, Params},
    payloads::{message_id, read_message},
    response::{Answer, Paging, data},
    state::Emulator,
};
use actix_web::web::{Data, Path};

pub async fn send(_: FullAccess, sender: OnBehalfOf, emulator: Data<Emulator>, body: Body) -> Answer {
    let message = read_message(body, sender.0, None, None)?;
    let mut world = emulator.world();
    let message = world.send(message)?;
    Ok(data(world.message_view(&message, None)))
}

pub async fn get(_: FullAccess, emulator: Data<Emulator>, id: Path<String>) -> Answer {
    let world = emulator.world();
    Ok(data(world.message_view(world.message(message_id(&id)?, None)?, None)))
}

pub async fn conversations(
    _: FullAccess,
    user: OnBehalfOf,
    emulator: Data<Emulator>,
    params: Params,
) -> Answer {
    let world = emulator.world();
    let uid = &world.user(&user.0)?.uid;
    let found = world.conversations(uid);
    Ok(Paging::read(&params, "perPage", 100, 1000).cut(found, |last| world.conversation_view(uid, last)))
}
