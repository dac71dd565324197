//! Health checks for load balancers and process managers.

use crate::http::error::HttpError;
use crate::state::AppState;
use actix_web::{HttpResponse, web};
use serde_json::json;

/// `GET /healthz`: succeeds while the process runs.
pub async fn alive() -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": "alive"}))
}

/// `GET /readyz`: succeeds while the server is not shutting down and the database responds, and on PostgreSQL accepts
/// writes ([`Db::check`](crate::db::Db::check)).
pub async fn ready(state: web::Data<AppState>) -> Result<HttpResponse, HttpError> {
    if state.shutdown.is_cancelled() {
        return Err(HttpError::ShuttingDown);
    }
    state.run_to_completion(async |state| state.db.check().await).await??;
    Ok(HttpResponse::Ok().json(json!({"status": "ready"})))
}
