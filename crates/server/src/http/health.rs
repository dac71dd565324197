//! `GET /healthz`: the process is alive. `GET /readyz`: it can serve, because its database answers and nobody
//! has told it to stop.

use super::error::HttpError;
use super::request::run_to_completion;
use crate::app::AppState;
use actix_web::{HttpResponse, web};
use serde_json::json;

pub async fn alive() -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": "alive"}))
}

pub async fn ready(services: web::Data<AppState>) -> Result<HttpResponse, HttpError> {
    if services.shutdown.is_cancelled() {
        return Err(HttpError::ShuttingDown);
    }
    run_to_completion(services, |services| async move { services.db.read("SELECT 1", &[]).await.map(drop) }).await?;
    Ok(HttpResponse::Ok().json(json!({"status": "ready"})))
}
