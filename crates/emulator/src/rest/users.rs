//! Users, which a server manages.

use crate::{
    auth::{AnyKey, FullAccess},
    errors::RestError,
    extract::{JsonBody, QueryParams},
    payloads::{parse_new_user, parse_profile_change},
    response::{Paging, RestResult, data, success},
    state::Emulator,
    world::{MAX_UID_CHARS, UserFilter},
};
use actix_web::web::{Data, Path};
use serde_json::json;

const MAX_UIDS: usize = 1000;

pub async fn create(_: AnyKey, emulator: Data<Emulator>, body: JsonBody) -> RestResult {
    let (uid, profile, with_token) = parse_new_user(body)?;
    let mut world = emulator.world();
    let user = world.create_user(&uid, profile)?;
    let mut view = world.user_view(&user, None, true);
    if with_token && let Some(view) = view.as_object_mut() {
        view.insert("authToken".into(), json!(world.mint_token(&uid, true)?.secret));
    }
    Ok(data(view))
}

pub async fn list(_: FullAccess, emulator: Data<Emulator>, params: QueryParams) -> RestResult {
    let mut roles = params.list("roles");
    roles.extend(params.list("role"));
    let filter = UserFilter {
        search: params.text("searchKey").map(str::to_owned),
        search_in: params.list("searchIn"),
        online: params.text("status").map(|status| status != "offline"),
        roles,
        tags: params.list("tags"),
        uids: params.list("uids"),
        with_deactivated: params.flag("withDeactivated"),
        only_deactivated: params.flag("onlyDeactivated"),
        ..UserFilter::default()
    };
    let world = emulator.world();
    let with_tags = params.flag("withTags");
    let found = world.find_users(&filter);
    Ok(Paging::from_params(&params, "perPage", 100, 1000)
        .paginate(found, |user| world.user_view(user, None, with_tags)))
}

pub async fn get(_: FullAccess, emulator: Data<Emulator>, uid: Path<String>) -> RestResult {
    let world = emulator.world();
    Ok(data(world.user_view(world.user(&uid)?, None, true)))
}

pub async fn update(
    _: FullAccess,
    emulator: Data<Emulator>,
    uid: Path<String>,
    body: JsonBody,
) -> RestResult {
    let change = parse_profile_change(body)?;
    let mut world = emulator.world();
    let user = world.update_user(&uid, change)?;
    Ok(data(world.user_view(&user, None, true)))
}

pub async fn delete(
    _: FullAccess,
    emulator: Data<Emulator>,
    uid: Path<String>,
    body: JsonBody,
) -> RestResult {
    let permanent = body.fields.flag("permanent");
    let mut world = emulator.world();
    if permanent {
        world.delete_user(&uid)?;
    } else if world.deactivate(std::slice::from_ref(&uid)).is_empty() {
        return Err(RestError::UidNotFound(uid.into_inner()));
    }
    Ok(success(format!("User with {uid} has been deleted successfully.")))
}

pub async fn deactivate(_: FullAccess, emulator: Data<Emulator>, body: JsonBody) -> RestResult {
    let uids = parse_uids(body, "uidsToDeactivate")?;
    Ok(data(json!({ "deactivatedUids": emulator.world().deactivate(&uids) })))
}

/// Reactivates users. The odd field name of the response is CometChat's.
pub async fn reactivate(_: FullAccess, emulator: Data<Emulator>, body: JsonBody) -> RestResult {
    let uids = parse_uids(body, "uidsToActivate")?;
    Ok(data(json!({ "nonDeactivatedUids": emulator.world().reactivate(&uids) })))
}

fn parse_uids(body: JsonBody, name: &str) -> Result<Vec<String>, RestError> {
    let mut fields = body.fields;
    let uids = fields.list(name, MAX_UIDS, MAX_UID_CHARS);
    fields.finish()?;
    uids.ok_or_else(|| RestError::invalid(name, format!("The {name} field is required.")))
}
