//! `/api/config`: public settings of the web app.

use super::tag;
use crate::http::state::HttpState;
use actix_web::{HttpResponse, web};
use shared::{ClientConfig, routes};

/// Returns the settings of the web app. None of them is secret.
#[utoipa::path(
    get,
    path = routes::CONFIG,
    operation_id = "config",
    tag = tag::CONFIGURATION,
    responses((
        status = 200,
        description = "The settings of the web app",
        body = ClientConfig,
        example = json!({"appId": "2634512f8a9b", "region": "eu", "passwordMinLength": 15})
    )),
)]
pub async fn show(http_state: web::Data<HttpState>) -> HttpResponse {
    HttpResponse::Ok().json(&http_state.client_config)
}
