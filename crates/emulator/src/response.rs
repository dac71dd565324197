//! The shapes of a success: `{"data": …}`, and a numbered page of a list with its `meta.pagination`.
//! The SDK waits for ever when either is missing.

use crate::{errors::Failure, extract::Params};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use serde_json::{Value, json};

pub type Answer = Result<HttpResponse, Failure>;

pub fn data(value: impl Serialize) -> HttpResponse {
    HttpResponse::Ok().json(json!({ "data": value }))
}

pub fn done(message: impl Into<String>) -> HttpResponse {
    data(json!({ "success": true, "message": message.into() }))
}

pub async fn unknown_route(request: HttpRequest) -> Answer {
    Err(Failure::ApiNotFound(format!("{} {}", request.method(), request.path())))
}

/// Which page of a list is asked for, counted from 1.
#[derive(Debug, Clone, Copy)]
pub struct Paging {
    per_page: usize,
    page: usize,
}

impl Paging {
    /// `size_name` differs between the two APIs: `perPage` for servers, `per_page` for clients.
    pub fn read(params: &Params, size_name: &str, default: usize, most: usize) -> Self {
        Self {
            per_page: params.number(size_name).unwrap_or(default).clamp(1, most),
            page: params.number("page").unwrap_or(1).max(1),
        }
    }

    /// Cuts the page out of the whole list; `show` runs only for what is on it.
    pub fn cut<T>(self, all: Vec<T>, show: impl FnMut(T) -> Value) -> HttpResponse {
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
