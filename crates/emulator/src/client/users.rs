//! Other users, as the signed-in user sees them.

use crate::{
    auth::Caller,
    extract::QueryParams,
    response::{Paging, RestResult, data},
    state::Emulator,
    world::{Sort, UserFilter},
};
use actix_web::web::{Data, Path};

pub async fn list(caller: Caller, emulator: Data<Emulator>, params: QueryParams) -> RestResult {
    let filter = UserFilter {
        search: params.text("searchKey").map(str::to_owned),
        search_in: params.list("searchIn"),
        online: params.text("status").map(|status| status != "offline"),
        roles: params.list("roles"),
        tags: params.list("tags"),
        uids: params.list("uids"),
        except: Some(caller.uid.clone()),
        sort: match params.text("sortBy") {
            Some("name") => Sort::Name,
            Some("uid") => Sort::Uid,
            _ => Sort::Status,
        },
        descending: params.text("sortOrder") == Some("desc"),
        ..UserFilter::default()
    };
    let world = emulator.world();
    // The emulator has no friendships.
    let found = if params.flag("friendsOnly") { Vec::new() } else { world.find_users(&filter) };
    let with_tags = params.flag("withTags");
    let show = |user| world.user_view(user, Some(&caller.uid), with_tags);
    Ok(Paging::from_params(&params, "per_page", 30, 100).paginate(found, show))
}

pub async fn get(caller: Caller, emulator: Data<Emulator>, uid: Path<String>) -> RestResult {
    let world = emulator.world();
    Ok(data(world.user_view(world.user(&uid)?, Some(&caller.uid), true)))
}
