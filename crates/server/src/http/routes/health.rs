//! `GET /healthz`: the process is alive. `GET /readyz`: it can serve, because its database answers and nobody
//! has told it to stop.

use crate::http::error::HttpError;
use crate::http::middleware::request_context::run_to_completion;
use crate::params;
use crate::state::AppState;
use actix_web::{HttpResponse, web};
use serde_json::json;

pub async fn alive() -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": "alive"}))
}

pub async fn ready(state: web::Data<AppState>) -> Result<HttpResponse, HttpError> {
    if state.shutdown.is_cancelled() {
        return Err(HttpError::ShuttingDown);
    }
    run_to_completion(state, |state| async move {
        state.db.fetch_all::<()>("SELECT 1", params![]).await.map(drop)
    })
    .await?;
    Ok(HttpResponse::Ok().json(json!({"status": "ready"})))
}
