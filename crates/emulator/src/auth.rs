//! Who calls: a server with an API key of one of the two scopes, or a user with an auth token. A
//! handler says with its argument what it needs.

use crate::{errors::Failure, state::Emulator, world::Api};
use actix_web::{
    FromRequest, HttpRequest,
    dev::{Payload, RequestHead},
    http::header,
    web,
};
use std::future::{Ready, ready};

/// The server API and the client API share paths, so what a call brings along decides.
pub fn api_of(head: &RequestHead) -> Option<Api> {
    let path = head.uri.path();
    if path == "/" {
        return head.headers().contains_key(header::UPGRADE).then_some(Api::Socket);
    }
    let (_, rest) = path.strip_prefix('/')?.split_once('/')?;
    if !["/v2.0/", "/v3/", "/v3.0/"].iter().any(|version| path.starts_with(version)) {
        return None;
    }
    // With neither key nor token, the routes that only clients have are theirs.
    let clients_only = || ["me", "settings", "user_sessions"].contains(&rest);
    if head.headers().contains_key("apikey") {
        Some(Api::Rest)
    } else if head.headers().contains_key("authtoken") || clients_only() {
        Some(Api::Client)
    } else {
        Some(Api::Rest)
    }
}

pub fn header_text<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a str> {
    request.headers().get(name).and_then(|value| value.to_str().ok()).filter(|text| !text.is_empty())
}

/// `app.rs` gives it to every route, so there is no failure to speak of.
fn emulator_of(request: &HttpRequest) -> Result<&web::Data<Emulator>, Failure> {
    request.app_data::<web::Data<Emulator>>().ok_or_else(|| Failure::ApiNotFound(request.path().into()))
}

/// Where the app id is in the host name (v3) the header may be left out; a wrong one is told all the same.
fn check_app_id(request: &HttpRequest, emulator: &Emulator) -> Result<(), Failure> {
    match header_text(request, "appid") {
        Some(app_id) if app_id != emulator.config.app_id => Err(Failure::InvalidAppId(app_id.into())),
        None if request.path().starts_with("/v2.0/") => Err(Failure::EmptyAppId),
        _ => Ok(()),
    }
}

fn full_access(request: &HttpRequest) -> Result<bool, Failure> {
    let emulator = emulator_of(request)?;
    check_app_id(request, emulator)?;
    let key = header_text(request, "apikey").ok_or(Failure::EmptyApiKey)?;
    if key == emulator.config.rest_api_key {
        Ok(true)
    } else if key == emulator.config.auth_key {
        Ok(false)
    } else {
        Err(Failure::UnknownApiKey(key.into()))
    }
}

/// A key of scope `fullAccess`.
pub struct FullAccess;

impl FromRequest for FullAccess {
    type Error = Failure;
    type Future = Ready<Result<Self, Failure>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(match full_access(request) {
            Ok(true) => Ok(Self),
            Ok(false) => Err(Failure::NoAccess(header_text(request, "apikey").unwrap_or_default().into())),
            Err(failure) => Err(failure),
        })
    }
}

/// A key of any scope: enough to mint a token and, as the SDK's `createUser` does, to create a user.
pub struct AnyKey;

impl FromRequest for AnyKey {
    type Error = Failure;
    type Future = Ready<Result<Self, Failure>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(full_access(request).map(|_| Self))
    }
}

/// The user in whose name a server acts.
pub struct OnBehalfOf(pub String);

impl FromRequest for OnBehalfOf {
    type Error = Failure;
    type Future = Ready<Result<Self, Failure>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let uid = header_text(request, "onbehalfof").map(|uid| Self(uid.to_lowercase()));
        ready(uid.ok_or_else(|| Failure::invalid("onBehalfOf", "The onBehalfOf header is required.")))
    }
}

/// The signed-in user of an SDK.
pub struct Caller {
    pub uid: String,
    pub token: String,
    /// The tab that calls; the device id of its socket.
    pub resource: Option<String>,
}

impl FromRequest for Caller {
    type Error = Failure;
    type Future = Ready<Result<Self, Failure>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready((|| {
            let emulator = emulator_of(request)?;
            check_app_id(request, emulator)?;
            let secret = header_text(request, "authtoken").ok_or(Failure::EmptyAuthToken)?;
            let uid = emulator.world().token(secret).map(|token| token.uid.clone());
            Ok(Self {
                uid: uid.map_err(|_| Failure::SessionTokenNotFound(secret.into()))?,
                token: secret.into(),
                resource: header_text(request, "resource").map(str::to_owned),
            })
        })())
    }
}
