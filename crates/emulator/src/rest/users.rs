//! Users, as a server manages them.

use crate::{
    auth::{AnyKey, FullAccess},
    errors::Failure,
    extract::{Body, Params},
    payloads::{read_new_user, read_profile_change},
    response::{Answer, Paging, data, done},
    state::Emulator,
    world::UserFilter,
};
use actix_web::web::{Data, Path};
use serde_json::json;

const MOST_UIDS: usize = 1000;

pub async fn create(_: AnyKey, emulator: Data<Emulator>, body: Body) -> Answer {
    let (uid, profile, with_token) = read_new_user(body)?;
    let mut world = emulator.world();
    let user = world.create_user(&uid, profile)?;
    let mut view = world.user_view(&user, None, true);
    if with_token && let Some(view) = view.as_object_mut() {
        view.insert("authToken".into(), json!(world.mint(&uid, true)?.secret));
    }
    Ok(data(view))
}

pub async fn list(_: FullAccess, emulator: Data<Emulator>, params: Params) -> Answer {
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
    Ok(Paging::read(&params, "perPage", 100, 1000).cut(found, |user| world.user_view(user, None, with_tags)))
}

pub async fn get(_: FullAccess, emulator: Data<Emulator>, uid: Path<String>) -> Answer {
    let world = emulator.world();
    Ok(data(world.user_view(world.user(&uid)?, None, true)))
}

pub async fn update(_: FullAccess, emulator: Data<Emulator>, uid: Path<String>, body: Body) -> Answer {
    let change = read_profile_change(body)?;
    let mut world = emulator.world();
    let user = world.update_user(&uid, change)?;
    Ok(data(world.user_view(&user, None, true)))
}

pub async fn delete(_: FullAccess, emulator: Data<Emulator>, uid: Path<String>, body: Body) -> Answer {
    let permanent = body.fields.flag("permanent");
    let mut world = emulator.world();
    if permanent {
        world.delete_user(&uid)?;
    } else if world.deactivate(std::slice::from_ref(&uid)).is_empty() {
        return Err(Failure::UidNotFound(uid.into_inner()));
    }
    Ok(done(format!("User with {uid} has been deleted successfully.")))
}

pub async fn deactivate(_: FullAccess, emulator: Data<Emulator>, body: Body) -> Answer {
    let uids = read_uids(body, "uidsToDeactivate")?;
    Ok(data(json!({ "deactivatedUids": emulator.world().deactivate(&uids) })))
}

/// The answer's name for the reactivated ones is CometChat's own.
pub async fn reactivate(_: FullAccess, emulator: Data<Emulator>, body: Body) -> Answer {
    let uids = read_uids(body, "uidsToActivate")?;
    Ok(data(json!({ "nonDeactivatedUids": emulator.world().reactivate(&uids) })))
}

fn read_uids(body: Body, name: &str) -> Result<Vec<String>, Failure> {
    let mut fields = body.fields;
    let uids = fields.list(name, MOST_UIDS, 100);
    fields.finish()?;
    uids.ok_or_else(|| Failure::invalid(name, format!("The {name} field is required.")))
}
