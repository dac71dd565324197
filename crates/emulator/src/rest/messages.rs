//! Messages and conversations, which a server uses on behalf of a user.

use crate::{
    auth::{FullAccess, OnBehalfOf},
    extract::{JsonBody, QueryParams},
    payloads::{parse_message, parse_message_id},
    response::{Paging, RestResult, data},
    state::Emulator,
};
use actix_web::web::{Data, Path};

pub async fn send(_: FullAccess, sender: OnBehalfOf, emulator: Data<Emulator>, body: JsonBody) -> RestResult {
    let message = parse_message(body, sender.0, None, None)?;
    let mut world = emulator.world();
    let message = world.send(message)?;
    Ok(data(world.message_view(&message, None)))
}

pub async fn get(_: FullAccess, emulator: Data<Emulator>, id: Path<String>) -> RestResult {
    let world = emulator.world();
    Ok(data(world.message_view(world.message(parse_message_id(&id)?, None)?, None)))
}

pub async fn conversations(
    _: FullAccess,
    user: OnBehalfOf,
    emulator: Data<Emulator>,
    params: QueryParams,
) -> RestResult {
    let world = emulator.world();
    let uid = &world.user(&user.0)?.uid;
    let found = world.conversations(uid);
    Ok(Paging::from_params(&params, "perPage", 100, 1000)
        .paginate(found, |last| world.conversation_view(uid, last)))
}
