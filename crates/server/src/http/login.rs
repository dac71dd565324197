//! `POST /api/login`

use super::Site;
use super::failure::Failure;
use super::request::{Info, complete};
use crate::app::Services;
use crate::passwords::Password;
use crate::sign_in::{self, Attempt};
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use shared::{LoginRequest, LoginResponse};

pub async fn login(
    services: web::Data<Services>,
    site: web::Data<Site>,
    request: HttpRequest,
    body: web::Json<LoginRequest>,
) -> Result<HttpResponse, Failure> {
    let faults = body.faults();
    if !faults.is_empty() {
        return Err(Failure::Validation(faults));
    }
    let attempt = Attempt {
        email: body.email.trim().to_owned(),
        password: Password::new(body.password.expose()),
        address: Info::of(&request).address,
        user_agent: user_agent(&request),
        present: site.cookies.token_of(&request),
    };
    let done =
        complete(services, |services| async move { sign_in::sign_in(&services, attempt).await }).await?;
    Ok(HttpResponse::Ok().cookie(site.cookies.holding(&done.session)).json(LoginResponse {
        id: done.user.id,
        email: done.user.email,
        name: done.user.name,
        cometchat_auth_token: done.chat_token,
    }))
}

/// What the browser calls itself. PostgreSQL takes no control characters, and people want none.
fn user_agent(request: &HttpRequest) -> String {
    let header = request.headers().get(header::USER_AGENT);
    let text = header.map(|value| String::from_utf8_lossy(value.as_bytes())).unwrap_or_default();
    text.chars().filter(|c| !c.is_control()).collect()
}
