//! `GET /healthz`: the process is alive. `GET /readyz`: it can serve, because its database answers and nobody
//! has told it to stop.

use super::error::Failure;
use super::request::complete;
use crate::app::Services;
use actix_web::{HttpResponse, web};
use serde_json::json;

pub async fn alive() -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": "alive"}))
}

pub async fn ready(services: web::Data<Services>) -> Result<HttpResponse, Failure> {
    if services.stopping.is_cancelled() {
        return Err(Failure::Stopping);
    }
    complete(services, |services| async move { services.db.read("SELECT 1", &[]).await.map(drop) }).await?;
    Ok(HttpResponse::Ok().json(json!({"status": "ready"})))
}
