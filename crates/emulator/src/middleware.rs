//! Stands before the three APIs, and before nothing else: notes each call, acts out the faults that
//! are switched on, and keeps the rate limits.

use crate::{
    auth::api_of,
    errors::Failure,
    state::Emulator,
    world::{Allowance, Api, Effect},
};
use actix_web::{
    Error, HttpResponse, ResponseError,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{Method, StatusCode, header::HeaderName},
    middleware::Next,
    web,
};
use futures_util::stream;
use serde_json::json;
use std::{io, time::Duration};

pub async fn gate(
    emulator: web::Data<Emulator>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let Some(api) = api_of(request.head()) else {
        return Ok(next.call(request).await?.map_into_boxed_body());
    };
    let (call, fault) = {
        let (method, path) = (request.method().as_str(), request.path());
        let mut world = emulator.world();
        let call = (api != Api::Socket).then(|| world.calls.arrived(api, method.into(), path.into()));
        (call, world.faults.take(api, method, path))
    };
    let (answer, code) = match act_out(fault).await {
        Some(Broken::Cut) => return Ok(request.into_response(cut())),
        Some(Broken::Answer(answer, code)) => (request.into_response(answer), code),
        None => answer(&emulator, api, request, next).await?,
    };
    if let Some(call) = call {
        emulator.world().calls.answered(call, answer.status().as_u16(), code);
    }
    Ok(answer)
}

async fn answer(
    emulator: &Emulator,
    api: Api,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<(ServiceResponse<BoxBody>, Option<String>), Error> {
    let allowance = {
        let mut world = emulator.world();
        let (now, core) = (world.now(), is_core(api, &request));
        world.rates.count(now, core)
    };
    let (limit, remaining) = match allowance {
        Allowance::Granted { limit, remaining } => (limit, remaining),
        Allowance::Refused { retry_after, reset } => {
            let failure = Failure::TooManyRequests { retry_after, reset };
            return Ok((request.into_response(failure.error_response()), Some(failure.code().into())));
        }
    };
    let mut answer = next.call(request).await?.map_into_boxed_body();
    let failure = answer.response().error().and_then(|error| error.as_error::<Failure>());
    let code = failure.map(|failure| failure.code().to_owned());
    let headers = answer.headers_mut();
    headers.insert(HeaderName::from_static("x-rate-limit"), limit.into());
    headers.insert(HeaderName::from_static("x-rate-limit-remaining"), remaining.into());
    Ok((answer, code))
}

/// Connecting, creating and deleting users.
fn is_core(api: Api, request: &ServiceRequest) -> bool {
    let mut parts = request.path().split('/').skip(2);
    let on_users = parts.next() == Some("users");
    match api {
        Api::Socket => true,
        Api::Client => false,
        Api::Rest => {
            let part = parts.next();
            on_users
                && parts.next().is_none()
                && ((request.method() == Method::POST && part.is_none())
                    || request.method() == Method::DELETE)
        }
    }
}

enum Broken {
    Cut,
    Answer(HttpResponse, Option<String>),
}

/// None: go on as if nothing had been.
async fn act_out(fault: Option<Effect>) -> Option<Broken> {
    match fault? {
        Effect::Delay { millis } => {
            tokio::time::sleep(Duration::from_millis(millis)).await;
            None
        }
        Effect::Hang { mut cleared } => {
            // An error means that the emulator is going down, which lets go too.
            let _ = cleared.changed().await;
            None
        }
        Effect::Drop => Some(Broken::Cut),
        Effect::Garbage => {
            let body = "<!doctype html><title>502</title>{\"data\":";
            Some(Broken::Answer(HttpResponse::Ok().content_type("text/html").body(body), None))
        }
        Effect::Status { status, code, retry_after } => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let mut answer = HttpResponse::build(status);
            if let Some(seconds) = retry_after {
                answer.insert_header(("Retry-After", seconds.to_string()));
            }
            let error = json!({ "code": code, "message": "A fault was switched on in the emulator." });
            Some(Broken::Answer(answer.json(json!({ "error": error })), Some(code)))
        }
    }
}

/// A body that fails before its first byte makes the server close the connection with nothing
/// written, not even the status line.
fn cut() -> HttpResponse {
    let failure = io::Error::other("a fault cuts this connection");
    HttpResponse::Ok().streaming(stream::once(std::future::ready(Err::<web::Bytes, _>(failure))))
}
