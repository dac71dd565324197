//! Auth tokens, as a server mints and revokes them.

use crate::{
    auth::{AnyKey, FullAccess},
    errors::Failure,
    extract::{Body, Params},
    payloads::read_device,
    response::{Answer, Paging, data, done},
    state::Emulator,
    world::{Token, World},
};
use actix_web::web::{Data, Path};

pub async fn mint(_: AnyKey, emulator: Data<Emulator>, uid: Path<String>, body: Body) -> Answer {
    let force = body.fields.flag("force");
    let token = emulator.world().mint(&uid, force)?;
    Ok(data(token.view()))
}

pub async fn list(_: FullAccess, emulator: Data<Emulator>, uid: Path<String>, params: Params) -> Answer {
    let world = emulator.world();
    let tokens: Vec<&Token> = world.tokens_of(&world.user(&uid)?.uid).collect();
    Ok(Paging::read(&params, "perPage", 100, 1000).cut(tokens, Token::view))
}

/// A token of another user is as unknown as none.
fn token_of<'w>(world: &'w World, uid: &str, secret: &str) -> Result<&'w Token, Failure> {
    let uid = &world.user(uid)?.uid;
    let token = world.token(secret)?;
    if token.uid == *uid { Ok(token) } else { Err(Failure::TokenNotFound(secret.into())) }
}

pub async fn get(_: FullAccess, emulator: Data<Emulator>, path: Path<(String, String)>) -> Answer {
    let (uid, secret) = path.into_inner();
    Ok(data(token_of(&emulator.world(), &uid, &secret)?.view()))
}

pub async fn update(
    _: FullAccess,
    emulator: Data<Emulator>,
    path: Path<(String, String)>,
    body: Body,
) -> Answer {
    let (uid, secret) = path.into_inner();
    let device = read_device(body)?;
    let mut world = emulator.world();
    token_of(&world, &uid, &secret)?;
    Ok(data(world.set_device(&secret, device)?.view()))
}

pub async fn revoke(_: FullAccess, emulator: Data<Emulator>, path: Path<(String, String)>) -> Answer {
    let (uid, secret) = path.into_inner();
    let mut world = emulator.world();
    token_of(&world, &uid, &secret)?;
    world.revoke(&secret)?;
    Ok(done(format!("The auth token {secret} has been deleted successfully.")))
}

pub async fn revoke_all(_: FullAccess, emulator: Data<Emulator>, uid: Path<String>) -> Answer {
    let mut world = emulator.world();
    let uid = world.user(&uid)?.uid.clone();
    world.revoke_all(&uid);
    Ok(done(format!("Cleared Auth Tokens successfully for uid {uid}.")))
}
