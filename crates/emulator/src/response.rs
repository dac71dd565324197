//! Successful responses: `{"data": …}`, and a numbered page of a list with `meta.pagination`.
//! The SDK never settles its promise if either is missing.

use crate::{errors::RestError, extract::QueryParams};
use actix_web::{HttpRequest, HttpResponse, Route, guard, web};
use serde::Serialize;
use serde_json::{Value, json};

pub type RestResult = Result<HttpResponse, RestError>;

pub fn data(value: impl Serialize) -> HttpResponse {
    HttpResponse::Ok().json(json!({ "data": value }))
}

pub fn success(message: impl Into<String>) -> HttpResponse {
    data(json!({ "success": true, "message": message.into() }))
}

/// Returns a route for GET and HEAD, which the emulator's own pages have. CometChat documents no HEAD.
pub fn get_or_head() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

pub async fn unknown_route(request: HttpRequest) -> RestResult {
    Err(RestError::ApiNotFound(format!("{} {}", request.method(), request.path())))
}

/// The requested page of a list, counted from 1.
#[derive(Debug, Clone, Copy)]
pub struct Paging {
    per_page: usize,
    page: usize,
}

impl Paging {
    /// Reads the page from the query string. `size_name` differs between the two APIs: `perPage` for
    /// servers, `per_page` for clients.
    pub fn from_params(params: &QueryParams, size_name: &str, default: usize, max: usize) -> Self {
        Self {
            per_page: params.number(size_name).unwrap_or(default).clamp(1, max),
            page: params.number("page").unwrap_or(1).max(1),
        }
    }

    /// Responds with this page of `all`. `show` runs only for the items on the page.
    pub fn paginate<T>(self, all: Vec<T>, show: impl FnMut(T) -> Value) -> HttpResponse {
        let total = all.len();
        let skipped = (self.page - 1).saturating_mul(self.per_page);
        let shown: Vec<Value> = all.into_iter().skip(skipped).take(self.per_page).map(show).collect();
        HttpResponse::Ok().json(json!({
            "meta": { "pagination": {
                "total": total,
                "count": shown.len(),
                "per_page": self.per_page,
                "current_page": self.page,
                "total_pages": total.div_ceil(self.per_page),
            } },
            "data": shown,
        }))
    }
}
