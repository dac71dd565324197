//! Sending messages, and pages of the message history.

use crate::{
    auth::Caller,
    extract::{JsonBody, QueryParams},
    payloads::{parse_message, parse_message_id},
    response::{RestResult, data},
    state::Emulator,
    world::{Direction, HistoryQuery, HistoryScope},
};
use actix_web::{
    HttpResponse,
    web::{Data, Path},
};
use serde_json::{Value, json};

pub async fn send(caller: Caller, emulator: Data<Emulator>, body: JsonBody) -> RestResult {
    send_message(caller, &emulator, body, None)
}

pub async fn send_in_thread(
    caller: Caller,
    emulator: Data<Emulator>,
    parent: Path<String>,
    body: JsonBody,
) -> RestResult {
    let parent = parse_message_id(&parent)?;
    send_message(caller, &emulator, body, Some(parent))
}

fn send_message(caller: Caller, emulator: &Emulator, body: JsonBody, thread: Option<u64>) -> RestResult {
    let message = parse_message(body, caller.uid.clone(), caller.resource, thread)?;
    let mut world = emulator.world();
    let message = world.send(message)?;
    Ok(data(world.message_view(&message, Some(&caller.uid))))
}

pub async fn get(caller: Caller, emulator: Data<Emulator>, id: Path<String>) -> RestResult {
    let world = emulator.world();
    let message = world.message(parse_message_id(&id)?, Some(&caller.uid))?;
    Ok(data(world.message_view(message, Some(&caller.uid))))
}

pub async fn history_of_all(caller: Caller, emulator: Data<Emulator>, params: QueryParams) -> RestResult {
    history_page(&caller.uid, &emulator, HistoryScope::All, &params)
}

pub async fn history_with_user(
    caller: Caller,
    emulator: Data<Emulator>,
    uid: Path<String>,
    params: QueryParams,
) -> RestResult {
    let other = emulator.world().user(&uid)?.uid.clone();
    history_page(&caller.uid, &emulator, HistoryScope::With(other), &params)
}

pub async fn history_of_thread(
    caller: Caller,
    emulator: Data<Emulator>,
    id: Path<String>,
    params: QueryParams,
) -> RestResult {
    let parent = emulator.world().message(parse_message_id(&id)?, Some(&caller.uid))?.id;
    history_page(&caller.uid, &emulator, HistoryScope::Thread(parent), &params)
}

fn history_page(uid: &str, emulator: &Emulator, scope: HistoryScope, params: &QueryParams) -> RestResult {
    if params.flag("count") {
        return Ok(unread_counts(uid, emulator, &scope, params));
    }
    let newer = params.text("affix") == Some("append");
    let query = HistoryQuery {
        scope,
        direction: if newer { Direction::Newer } else { Direction::Older },
        limit: params.number("per_page").unwrap_or(30).clamp(1, 100),
        id: params.number("id"),
        sent_at: params.number("sentAt"),
        search: params.text("searchKey").map(str::to_owned),
        categories: singular_or_plural(params, "category", "categories"),
        kinds: singular_or_plural(params, "type", "types"),
        tags: params.list("tags"),
        unread: params.flag("unread"),
        hide_replies: params.flag("hideReplies"),
        updated_after: params.number("updatedAt"),
        only_updates: params.flag("onlyUpdates"),
    };
    let world = emulator.world();
    let found = world.history(uid, &query);
    let mut meta = json!({ "current": { "limit": query.limit, "count": found.len() } });
    // Without a cursor the SDK assumes that it has all messages. With a cursor that has no id it
    // requests the same page again and again.
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

/// Reads a filter that the SDK sends under a singular or a plural name, depending on its builder.
fn singular_or_plural(params: &QueryParams, singular: &str, plural: &str) -> Vec<String> {
    let mut list = params.list(singular);
    list.extend(params.list(plural));
    list
}

fn unread_counts(uid: &str, emulator: &Emulator, scope: &HistoryScope, params: &QueryParams) -> HttpResponse {
    let world = emulator.world();
    let of_users = params.text("receiverType") != Some("group");
    let counts = world.unread_counts(uid).into_iter().filter(|(sender, _)| match scope {
        HistoryScope::With(other) => other == sender,
        HistoryScope::All | HistoryScope::Thread(_) => of_users,
    });
    let counts =
        counts.map(|(sender, count)| json!({ "entityType": "user", "entityId": sender, "count": count }));
    data(counts.collect::<Value>())
}
