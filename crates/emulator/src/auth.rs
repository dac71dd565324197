//! Authentication: a server with an API key of one of two scopes, or a user with an auth token. A
//! handler states what it requires by its argument types.

use crate::{errors::RestError, state::Emulator, world::Api};
use actix_web::{
    FromRequest, HttpRequest,
    dev::{Payload, RequestHead},
    http::header,
    web,
};
use std::future::{Ready, ready};

/// Returns the API that a request belongs to. The server API and the client API share paths, so the
/// headers decide.
pub fn api_of(head: &RequestHead) -> Option<Api> {
    let path = head.uri.path();
    if path == "/" {
        return head.headers().contains_key(header::UPGRADE).then_some(Api::Socket);
    }
    let (_, rest) = path.strip_prefix('/')?.split_once('/')?;
    if !["/v2.0/", "/v3/", "/v3.0/"].iter().any(|version| path.starts_with(version)) {
        return None;
    }
    // Without key and token, routes that only the client API has belong to that.
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

/// Returns the shared state. `app.rs` gives it to every route, so the error does not occur.
fn emulator_of(request: &HttpRequest) -> Result<&web::Data<Emulator>, RestError> {
    request.app_data::<web::Data<Emulator>>().ok_or_else(|| RestError::ApiNotFound(request.path().into()))
}

/// Checks the `appid` header. It is optional in v3, where the host name has the app id, but a wrong
/// one is always an error.
fn check_app_id(request: &HttpRequest, emulator: &Emulator) -> Result<(), RestError> {
    match header_text(request, "appid") {
        Some(app_id) if app_id != emulator.config.app_id => Err(RestError::InvalidAppId(app_id.into())),
        None if request.path().starts_with("/v2.0/") => Err(RestError::EmptyAppId),
        _ => Ok(()),
    }
}

/// Checks the app id and the API key. Returns whether the key has scope `fullAccess`.
fn has_full_access(request: &HttpRequest) -> Result<bool, RestError> {
    let emulator = emulator_of(request)?;
    check_app_id(request, emulator)?;
    let key = header_text(request, "apikey").ok_or(RestError::EmptyApiKey)?;
    if key == emulator.config.rest_api_key {
        Ok(true)
    } else if key == emulator.config.auth_key {
        Ok(false)
    } else {
        Err(RestError::UnknownApiKey(key.into()))
    }
}

/// Requires an API key with scope `fullAccess`.
pub struct FullAccess;

impl FromRequest for FullAccess {
    type Error = RestError;
    type Future = Ready<Result<Self, RestError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(match has_full_access(request) {
            Ok(true) => Ok(Self),
            Ok(false) => Err(RestError::NoAccess(header_text(request, "apikey").unwrap_or_default().into())),
            Err(error) => Err(error),
        })
    }
}

/// Requires an API key of any scope. That is enough to mint a token and to create a user, as the
/// SDK's `createUser` does.
pub struct AnyKey;

impl FromRequest for AnyKey {
    type Error = RestError;
    type Future = Ready<Result<Self, RestError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(has_full_access(request).map(|_| Self))
    }
}

/// The user on whose behalf a server acts.
pub struct OnBehalfOf(pub String);

impl FromRequest for OnBehalfOf {
    type Error = RestError;
    type Future = Ready<Result<Self, RestError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let uid = header_text(request, "onbehalfof").map(|uid| Self(uid.to_lowercase()));
        ready(uid.ok_or_else(|| RestError::invalid("onBehalfOf", "The onBehalfOf header is required.")))
    }
}

/// The user whose auth token an SDK sent.
pub struct Caller {
    pub uid: String,
    pub token: String,
    /// The calling tab. It is also the device id of the tab's socket.
    pub resource: Option<String>,
}

impl FromRequest for Caller {
    type Error = RestError;
    type Future = Ready<Result<Self, RestError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready((|| {
            let emulator = emulator_of(request)?;
            check_app_id(request, emulator)?;
            let secret = header_text(request, "authtoken").ok_or(RestError::EmptyAuthToken)?;
            let uid = emulator.world().token(secret).map(|token| token.uid.clone());
            Ok(Self {
                uid: uid.map_err(|_| RestError::SessionTokenNotFound(secret.into()))?,
                token: secret.into(),
                resource: header_text(request, "resource").map(str::to_owned),
            })
        })())
    }
}
