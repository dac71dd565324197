//! Other users, as a signed-in one sees them.

use crate::{
    auth::Caller,
    extract::Params,
    response::{Answer, Paging, data},
    state::Emulator,
    world::{Sort, UserFilter},
};
use actix_web::web::{Data, Path};

pub async fn list(caller: Caller, emulator: Data<Emulator>, params: Params) -> Answer {
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
    // Friendships cannot be made here, so nobody has a friend.
    let found = if params.flag("friendsOnly") { Vec::new() } else { world.find_users(&filter) };
    let with_tags = params.flag("withTags");
    let show = |user| world.user_view(user, Some(&caller.uid), with_tags);
    Ok(Paging::read(&params, "per_page", 30, 100).cut(found, show))
}

pub async fn get(caller: Caller, emulator: Data<Emulator>, uid: Path<String>) -> Answer {
    let world = emulator.world();
    Ok(data(world.user_view(world.user(&uid)?, Some(&caller.uid), true)))
}
