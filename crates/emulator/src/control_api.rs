//! The control API for tests: faults, the full state, and a reset. It also serves the script that
//! lets the SDK, which always uses https and wss, talk to a plain-http emulator. The CometChat cloud
//! has none of this.

use crate::{
    errors::RestError,
    response::{RestResult, get_or_head},
    state::Emulator,
    world::FaultSpec,
};
use actix_web::{HttpResponse, Responder, web};
use serde_json::json;

pub fn routes(config: &mut web::ServiceConfig) {
    config.service(
        web::scope("/emulator")
            .route("/shim.js", get_or_head().to(shim))
            .route("/faults", web::post().to(add_fault))
            .route("/faults", get_or_head().to(list_faults))
            .route("/faults", web::delete().to(clear_faults))
            .route("/state", get_or_head().to(state))
            .route("/reset", web::post().to(reset))
            .route("/sockets/{uid}", web::delete().to(close_sockets)),
    );
}

async fn shim() -> impl Responder {
    HttpResponse::Ok()
        .content_type("text/javascript; charset=utf-8")
        .insert_header(("Cross-Origin-Resource-Policy", "cross-origin"))
        .insert_header(("Cache-Control", "no-store"))
        .body(include_str!("shim.js"))
}

async fn add_fault(emulator: web::Data<Emulator>, body: web::Bytes) -> RestResult {
    let spec: FaultSpec =
        serde_json::from_slice(&body).map_err(|error| RestError::Malformed(error.to_string()))?;
    let id = emulator.world().faults.add(spec).map_err(RestError::Malformed)?;
    Ok(HttpResponse::Ok().json(json!({ "id": id })))
}

async fn list_faults(emulator: web::Data<Emulator>) -> impl Responder {
    HttpResponse::Ok().json(emulator.world().faults.active())
}

async fn clear_faults(emulator: web::Data<Emulator>) -> impl Responder {
    emulator.world().faults.clear();
    HttpResponse::NoContent()
}

async fn state(emulator: web::Data<Emulator>) -> impl Responder {
    HttpResponse::Ok().insert_header(("Cache-Control", "no-store")).json(emulator.world().snapshot())
}

async fn reset(emulator: web::Data<Emulator>) -> impl Responder {
    emulator.world().reset();
    HttpResponse::NoContent()
}

/// Closes the user's sockets, as a lost connection would. The SDK reconnects.
async fn close_sockets(emulator: web::Data<Emulator>, uid: web::Path<String>) -> impl Responder {
    emulator.world().close_sockets("Closed by a test", |user| user.uid == *uid);
    HttpResponse::NoContent()
}
