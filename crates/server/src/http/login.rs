//! `POST /api/login`, `/api/register` and `/api/handover`: what begins a session.

use super::HttpState;
use super::error::HttpError;
use super::object::JsonObject;
use super::overload::Admitted;
use super::request::{RequestInfo, run_to_completion};
use crate::users::register::{self, Registration};
use crate::app::AppState;
use crate::handover;
use crate::passwords::Password;
use crate::sign_in::{self, ClientInfo, LoginSuccess};
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use shared::{FieldErrors, HandoverRequest, LoginRequest, LoginResponse, RegisterRequest};

pub async fn login(
    services: web::Data<AppState>,
    site: web::Data<HttpState>,
    request: HttpRequest,
    _: Admitted,
    body: web::Json<JsonObject<LoginRequest>>,
) -> Result<HttpResponse, HttpError> {
    reject_invalid(body.faults())?;
    let (email, password) = (body.email.trim().to_owned(), Password::new(body.password.expose()));
    let client = client_info(&site, &request);
    let done =
        run_to_completion(
            services,
            |services| async move { sign_in::login(&services, &email, password, client_info).await },
        )
        .await?;
    Ok(login_response(&site, HttpResponse::Ok(), done))
}

pub async fn register(
    services: web::Data<AppState>,
    site: web::Data<HttpState>,
    request: HttpRequest,
    _: Admitted,
    body: web::Json<JsonObject<RegisterRequest>>,
) -> Result<HttpResponse, HttpError> {
    if !site.registration_is_open {
        return Err(HttpError::RegistrationClosed);
    }
    reject_invalid(body.faults(services.password_min_length))?;
    let registration = Registration {
        email: body.email.trim().to_owned(),
        name: body.name.trim().to_owned(),
        password: Password::new(body.password.expose()),
    };
    let client = client_info(&site, &request);
    let done =
        run_to_completion(
            services,
            |services| async move { register::register(&services, registration, client_info).await },
        )
        .await?;
    Ok(login_response(&site, HttpResponse::Created(), done))
}

/// `POST /api/handover`
pub async fn login_with_assertion(
    services: web::Data<AppState>,
    site: web::Data<HttpState>,
    request: HttpRequest,
    body: web::Json<JsonObject<HandoverRequest>>,
) -> Result<HttpResponse, HttpError> {
    if services.assertion_keys.is_empty() {
        return Err(HttpError::NotFound);
    }
    let client = client_info(&site, &request);
    let done = run_to_completion(services, |services| async move {
        handover::login(&services, body.assertion.expose(), client_info).await
    })
    .await?;
    Ok(login_response(&site, HttpResponse::Ok(), done))
}

pub fn reject_invalid(faults: FieldErrors) -> Result<(), HttpError> {
    if faults.is_empty() { Ok(()) } else { Err(HttpError::Validation(faults)) }
}

/// What the request says of the browser that it comes from.
pub fn client_info(site: &HttpState, request: &HttpRequest) -> ClientInfo {
    ClientInfo {
        address: RequestInfo::of(request).address,
        user_agent: user_agent(request),
        device_cookie: site.cookies.device_of(request),
        current_session: site.cookies.token_of(request),
    }
}

fn login_response(site: &HttpState, mut answer: HttpResponseBuilder, done: LoginSuccess) -> HttpResponse {
    answer.cookie(site.cookies.session_cookie(&done.session));
    if let Some(device) = done.device_cookie {
        answer.cookie(site.cookies.device_cookie(device));
    }
    answer.json(LoginResponse {
        id: done.user.id,
        email: done.user.email,
        name: done.user.name,
        cometchat_auth_token: done.chat_token,
    })
}

/// The `User-Agent` header without characters that PostgreSQL or a terminal would not show as they are.
fn user_agent(request: &HttpRequest) -> String {
    let header = request.headers().get(header::USER_AGENT);
    let text = header.map(|value| String::from_utf8_lossy(value.as_bytes())).unwrap_or_default();
    shared::visible_text::without_hidden(&text)
}
