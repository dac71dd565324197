//! Auth tokens, which a server mints and revokes.

use crate::{
    auth::{AnyKey, FullAccess},
    errors::RestError,
    extract::{JsonBody, QueryParams},
    payloads::parse_device,
    response::{Paging, RestResult, data, success},
    state::Emulator,
    world::{Token, World},
};
use actix_web::web::{Data, Path};

pub async fn mint(_: AnyKey, emulator: Data<Emulator>, uid: Path<String>, body: JsonBody) -> RestResult {
    let force = body.fields.flag("force");
    let token = emulator.world().mint_token(&uid, force)?;
    Ok(data(token.view()))
}

pub async fn list(
    _: FullAccess,
    emulator: Data<Emulator>,
    uid: Path<String>,
    params: QueryParams,
) -> RestResult {
    let world = emulator.world();
    let tokens: Vec<&Token> = world.tokens_of(&world.user(&uid)?.uid).collect();
    Ok(Paging::from_params(&params, "perPage", 100, 1000).paginate(tokens, Token::view))
}

/// Returns a token of the user. The token of another user counts as unknown.
fn token_of<'w>(world: &'w World, uid: &str, secret: &str) -> Result<&'w Token, RestError> {
    let uid = &world.user(uid)?.uid;
    let token = world.token(secret)?;
    if token.uid == *uid { Ok(token) } else { Err(RestError::TokenNotFound(secret.into())) }
}

pub async fn get(_: FullAccess, emulator: Data<Emulator>, path: Path<(String, String)>) -> RestResult {
    let (uid, secret) = path.into_inner();
    Ok(data(token_of(&emulator.world(), &uid, &secret)?.view()))
}

pub async fn update(
    _: FullAccess,
    emulator: Data<Emulator>,
    path: Path<(String, String)>,
    body: JsonBody,
) -> RestResult {
    let (uid, secret) = path.into_inner();
    let device = parse_device(body)?;
    let mut world = emulator.world();
    token_of(&world, &uid, &secret)?;
    Ok(data(world.set_device(&secret, device)?.view()))
}

pub async fn revoke(_: FullAccess, emulator: Data<Emulator>, path: Path<(String, String)>) -> RestResult {
    let (uid, secret) = path.into_inner();
    let mut world = emulator.world();
    token_of(&world, &uid, &secret)?;
    world.revoke_token(&secret)?;
    Ok(success(format!("The auth token {secret} has been deleted successfully.")))
}

pub async fn revoke_all(_: FullAccess, emulator: Data<Emulator>, uid: Path<String>) -> RestResult {
    let mut world = emulator.world();
    let uid = world.user(&uid)?.uid.clone();
    world.revoke_tokens_of(&uid);
    Ok(success(format!("Cleared Auth Tokens successfully for uid {uid}.")))
}
