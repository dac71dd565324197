//! What tests use: faults, a look at everything, a reset; and the script that lets the SDK, which
//! insists on https and wss, talk to a plain-http emulator. None of this exists in the cloud.

use crate::{errors::Failure, response::Answer, state::Emulator, world::FaultSpec};
use actix_web::{HttpResponse, Responder, web};
use serde_json::json;

pub fn routes(config: &mut web::ServiceConfig) {
    config.service(
        web::scope("/emulator")
            .route("/shim.js", web::get().to(shim))
            .route("/faults", web::post().to(add_fault))
            .route("/faults", web::get().to(list_faults))
            .route("/faults", web::delete().to(clear_faults))
            .route("/state", web::get().to(state))
            .route("/reset", web::post().to(reset))
            .route("/sockets/{uid}", web::delete().to(cut_sockets)),
    );
}

async fn shim() -> impl Responder {
    HttpResponse::Ok()
        .content_type("text/javascript; charset=utf-8")
        .insert_header(("Cross-Origin-Resource-Policy", "cross-origin"))
        .insert_header(("Cache-Control", "no-store"))
        .body(include_str!("shim.js"))
}

async fn add_fault(emulator: web::Data<Emulator>, body: web::Bytes) -> Answer {
    let spec: FaultSpec =
        serde_json::from_slice(&body).map_err(|error| Failure::Malformed(error.to_string()))?;
    let id = emulator.world().faults.add(spec).map_err(Failure::Malformed)?;
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
    HttpResponse::Ok().insert_header(("Cache-Control", "no-store")).json(emulator.world().state())
}

async fn reset(emulator: web::Data<Emulator>) -> impl Responder {
    emulator.world().reset();
    HttpResponse::NoContent()
}

/// As a bad line would: the SDK opens them again.
async fn cut_sockets(emulator: web::Data<Emulator>, uid: web::Path<String>) -> impl Responder {
    emulator.world().close_sockets("Cut by a test", |subject| subject.uid == *uid);
    HttpResponse::NoContent()
}
