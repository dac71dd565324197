//! `GET /healthz`: the process is alive. `GET /readyz`: it can serve, because its database answers.

use super::failure::Failure;
use super::request::complete;
use crate::app::Services;
use actix_web::{HttpResponse, web};
use serde_json::json;

pub async fn alive() -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": "alive"}))
}

pub async fn ready(services: web::Data<Services>) -> Result<HttpResponse, Failure> {
    let asked =
        complete(services, |services| async move { services.db.read("SELECT 1", &[]).await.map(drop) });
    asked.await.map_err(|_| Failure::Overloaded("the database does not answer"))?;
    Ok(HttpResponse::Ok().json(json!({"status": "ready"})))
}
