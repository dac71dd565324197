//! Sending messages, and the pages of their history.

use crate::{
    auth::Caller,
    extract::{Body, Params},
    payloads::{message_id, read_message},
    response::{Answer, data},
    state::Emulator,
    world::{Direction, History, Scope},
};
use actix_web::{
    HttpResponse,
    web::{Data, Path},
};
use serde_json::{Value, json};

pub async fn send(caller: Caller, emulator: Data<Emulator>, body: Body) -> Answer {
    sent(caller, &emulator, body, None)
}

pub async fn send_in_thread(
    caller: Caller,
    emulator: Data<Emulator>,
    parent: Path<String>,
    body: Body,
) -> Answer {
    let parent = message_id(&parent)?;
    sent(caller, &emulator, body, Some(parent))
}

fn sent(caller: Caller, emulator: &Emulator, body: Body, thread: Option<u64>) -> Answer {
    let message = read_message(body, caller.uid.clone(), caller.resource, thread)?;
    let mut world = emulator.world();
    let message = world.send(message)?;
    Ok(data(world.message_view(&message, Some(&caller.uid))))
}

pub async fn get(caller: Caller, emulator: Data<Emulator>, id: Path<String>) -> Answer {
    let world = emulator.world();
    let message = world.message(message_id(&id)?, Some(&caller.uid))?;
    Ok(data(world.message_view(message, Some(&caller.uid))))
}

pub async fn history_of_all(caller: Caller, emulator: Data<Emulator>, params: Params) -> Answer {
    page(&caller.uid, &emulator, Scope::All, &params)
}

pub async fn history_with_user(
    caller: Caller,
    emulator: Data<Emulator>,
    uid: Path<String>,
    params: Params,
) -> Answer {
    let other = emulator.world().user(&uid)?.uid.clone();
    page(&caller.uid, &emulator, Scope::With(other), &params)
}

pub async fn history_of_thread(
    caller: Caller,
    emulator: Data<Emulator>,
    id: Path<String>,
    params: Params,
) -> Answer {
    let parent = emulator.world().message(message_id(&id)?, Some(&caller.uid))?.id;
    page(&caller.uid, &emulator, Scope::Thread(parent), &params)
}

fn page(uid: &str, emulator: &Emulator, scope: Scope, params: &Params) -> Answer {
    if params.flag("count") {
        return Ok(unread_counts(uid, emulator, &scope, params));
    }
    let newer = params.text("affix") == Some("append");
    let wanted = History {
        scope,
        direction: if newer { Direction::Newer } else { Direction::Older },
        limit: params.number("per_page").unwrap_or(30).clamp(1, 100),
        id: params.number("id"),
        sent_at: params.number("sentAt"),
        search: params.text("searchKey").map(str::to_owned),
        categories: both(params, "category", "categories"),
        kinds: both(params, "type", "types"),
        tags: params.list("tags"),
        unread: params.flag("unread"),
        hide_replies: params.flag("hideReplies"),
        updated_after: params.number("updatedAt"),
        only_updates: params.flag("onlyUpdates"),
    };
    let world = emulator.world();
    let found = world.history(uid, &wanted);
    let mut meta = json!({ "current": { "limit": wanted.limit, "count": found.len() } });
    // Without a cursor the SDK takes it that there is no more; a cursor without id it never leaves.
    let edge = if newer { found.last() } else { found.first() };
    if let (Some(edge), Some(meta)) = (edge, meta.as_object_mut()) {
        let affix = if newer { "append" } else { "prepend" };
        meta.insert(
            "cursor".into(),
            json!({ "id": edge.id.to_string(), "sentAt": edge.sent_at, "affix": affix }),
        );
    }
    let shown: Vec<Value> = found.into_iter().map(|message| world.message_view(message, Some(uid))).collect();
    Ok(HttpResponse::Ok().json(json!({ "data": shown, "meta": meta })))
}

/// The SDK names a filter in the singular or in the plural, depending on how it was set.
fn both(params: &Params, one: &str, many: &str) -> Vec<String> {
    let mut list = params.list(one);
    list.extend(params.list(many));
    list
}

fn unread_counts(uid: &str, emulator: &Emulator, scope: &Scope, params: &Params) -> HttpResponse {
    let world = emulator.world();
    let of_users = params.text("receiverType") != Some("group");
    let counts = world.unread(uid).into_iter().filter(|(sender, _)| match scope {
        Scope::With(other) => other == sender,
        Scope::All | Scope::Thread(_) => of_users,
    });
    let counts =
        counts.map(|(sender, count)| json!({ "entityType": "user", "entityId": sender, "count": count }));
    data(counts.collect::<Value>())
}
