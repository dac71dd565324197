//! Conversations of the signed-in user.

use crate::{
    auth::Caller,
    extract::Params,
    response::{Answer, Paging, data, done},
    state::Emulator,
    world::Receipt,
};
use actix_web::web::{Data, Path};

pub async fn list(caller: Caller, emulator: Data<Emulator>, params: Params) -> Answer {
    let world = emulator.world();
    let mut found = world.conversations(&caller.uid);
    if params.text("conversationType") == Some("group") {
        found.clear();
    }
    let unread_only = params.flag("unread");
    found.retain(|last| !unread_only || world.unread(&caller.uid).contains_key(last.partner_of(&caller.uid)));
    let show = |last| world.conversation_view(&caller.uid, last);
    Ok(Paging::read(&params, "per_page", 20, 50).cut(found, show))
}

pub async fn get(caller: Caller, emulator: Data<Emulator>, uid: Path<String>) -> Answer {
    let world = emulator.world();
    Ok(data(world.conversation_view(&caller.uid, world.conversation(&caller.uid, &uid)?)))
}

pub async fn read(caller: Caller, emulator: Data<Emulator>, uid: Path<String>) -> Answer {
    emulator.world().receive_all(&caller.uid, &uid, Receipt::Read)?;
    Ok(done("The conversation is marked as read."))
}

pub async fn delivered(caller: Caller, emulator: Data<Emulator>, uid: Path<String>) -> Answer {
    emulator.world().receive_all(&caller.uid, &uid, Receipt::Delivered)?;
    Ok(done("The conversation is marked as delivered."))
}
