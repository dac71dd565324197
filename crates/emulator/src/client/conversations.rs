//! Conversations of the signed-in user.

use crate::{
    auth::Caller,
    extract::QueryParams,
    response::{Paging, RestResult, data, success},
    state::Emulator,
    world::Receipt,
};
use actix_web::web::{Data, Path};

pub async fn list(caller: Caller, emulator: Data<Emulator>, params: QueryParams) -> RestResult {
    let world = emulator.world();
    let mut found = world.conversations(&caller.uid);
    if params.text("conversationType") == Some("group") {
        found.clear();
    }
    let unread_only = params.flag("unread");
    found.retain(|last| {
        !unread_only || world.unread_counts(&caller.uid).contains_key(last.partner_of(&caller.uid))
    });
    let show = |last| world.conversation_view(&caller.uid, last);
    Ok(Paging::from_params(&params, "per_page", 20, 50).paginate(found, show))
}

pub async fn get(caller: Caller, emulator: Data<Emulator>, uid: Path<String>) -> RestResult {
    let world = emulator.world();
    Ok(data(world.conversation_view(&caller.uid, world.conversation(&caller.uid, &uid)?)))
}

pub async fn mark_read(caller: Caller, emulator: Data<Emulator>, uid: Path<String>) -> RestResult {
    emulator.world().record_conversation_receipt(&caller.uid, &uid, Receipt::Read)?;
    Ok(success("The conversation is marked as read."))
}

pub async fn mark_delivered(caller: Caller, emulator: Data<Emulator>, uid: Path<String>) -> RestResult {
    emulator.world().record_conversation_receipt(&caller.uid, &uid, Receipt::Delivered)?;
    Ok(success("The conversation is marked as delivered."))
}
