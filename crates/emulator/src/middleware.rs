//! Middleware of the three APIs, but not of the control API and the dashboard: logs each call, applies
//! active faults, and enforces the rate limits.

use crate::{
    auth::api_of,
    errors::RestError,
    state::Emulator,
    world::{Allowance, Api, FaultAction},
};
use actix_web::{
    Error, HttpResponse, ResponseError,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method, StatusCode,
        header::{self, HeaderName, HttpDate, TryIntoHeaderValue as _},
    },
    middleware::Next,
    web,
};
use futures_util::stream;
use serde_json::json;
use std::{
    io,
    time::{Duration, UNIX_EPOCH},
};

pub async fn intercept(
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
        let call =
            (api != Api::Socket).then(|| world.call_log.record_request(api, method.into(), path.into()));
        (call, world.faults.take(api, method, path))
    };
    let (mut response, code) = match apply_fault(fault).await {
        Some(FaultResponse::Drop) => return Ok(request.into_response(dropped_connection())),
        Some(FaultResponse::Respond(response, code)) => (request.into_response(response), code),
        None => handle_within_limits(&emulator, api, request, next).await?,
    };
    // By the clock of the emulator, as the times in its data are.
    let date = HttpDate::from(UNIX_EPOCH + Duration::from_secs(emulator.world().now()));
    if let Ok(date) = date.try_into_value() {
        response.headers_mut().insert(header::DATE, date);
    }
    if let Some(call) = call {
        emulator.world().call_log.record_response(call, response.status().as_u16(), code);
    }
    Ok(response)
}

/// Counts the call and passes it on, or rejects it if the limit of this minute is reached. Returns the
/// response with CometChat's error code.
async fn handle_within_limits(
    emulator: &Emulator,
    api: Api,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<(ServiceResponse<BoxBody>, Option<String>), Error> {
    let allowance = {
        let mut world = emulator.world();
        let (now, core) = (world.now(), is_core_operation(api, &request));
        world.rate_limiter.count_call(now, core)
    };
    let (limit, remaining) = match allowance {
        Allowance::Granted { limit, remaining } => (limit, remaining),
        Allowance::Refused { retry_after, reset } => {
            let error = RestError::TooManyRequests { retry_after, reset };
            return Ok((request.into_response(error.error_response()), Some(error.code().into())));
        }
    };
    let mut response = next.call(request).await?.map_into_boxed_body();
    let error = response.response().error().and_then(|error| error.as_error::<RestError>());
    let code = error.map(|error| error.code().to_owned());
    let headers = response.headers_mut();
    headers.insert(HeaderName::from_static("x-rate-limit"), limit.into());
    headers.insert(HeaderName::from_static("x-rate-limit-remaining"), remaining.into());
    Ok((response, code))
}

/// Reports whether CometChat counts the call as a core operation: connecting, and creating or
/// deleting users.
fn is_core_operation(api: Api, request: &ServiceRequest) -> bool {
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

/// The response of a fault, in place of the handler's.
enum FaultResponse {
    Drop,
    Respond(HttpResponse, Option<String>),
}

/// Applies a fault. Returns `None` if the call should go on as usual.
async fn apply_fault(fault: Option<FaultAction>) -> Option<FaultResponse> {
    match fault? {
        FaultAction::Delay { millis } => {
            tokio::time::sleep(Duration::from_millis(millis)).await;
            None
        }
        FaultAction::Hang { mut cleared } => {
            // An error means that the emulator is shutting down, which releases the call as well.
            let _ = cleared.changed().await;
            None
        }
        FaultAction::Drop => Some(FaultResponse::Drop),
        FaultAction::Garbage => {
            let body = "<!doctype html><title>502</title>{\"data\":";
            Some(FaultResponse::Respond(HttpResponse::Ok().content_type("text/html").body(body), None))
        }
        FaultAction::Status { status, code, retry_after } => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let mut response = HttpResponse::build(status);
            if let Some(seconds) = retry_after {
                response.insert_header(("Retry-After", seconds.to_string()));
            }
            let error = json!({ "code": code, "message": "The emulator has an active fault." });
            Some(FaultResponse::Respond(response.json(json!({ "error": error })), Some(code)))
        }
    }
}

/// Returns a response that closes the connection without writing a byte. Its body fails before the
/// first byte, so actix does not even write the status line.
fn dropped_connection() -> HttpResponse {
    let error = io::Error::other("an emulator fault drops this connection");
    HttpResponse::Ok().streaming(stream::once(std::future::ready(Err::<web::Bytes, _>(error))))
}
