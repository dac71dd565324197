//! `POST /api/login`, `/api/register` and `/api/handover`: what begins a session.

use super::Site;
use super::error::Failure;
use super::object::Object;
use super::overload::Admitted;
use super::request::{Info, complete};
use crate::users::register::{self, Registration};
use crate::app::Services;
use crate::handover;
use crate::passwords::Password;
use crate::sign_in::{self, Client, SignedIn};
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use shared::{Fields, HandoverRequest, LoginRequest, LoginResponse, RegisterRequest};

pub async fn login(
    services: web::Data<Services>,
    site: web::Data<Site>,
    request: HttpRequest,
    _: Admitted,
    body: web::Json<Object<LoginRequest>>,
) -> Result<HttpResponse, Failure> {
    refuse(body.faults())?;
    let (email, password) = (body.email.trim().to_owned(), Password::new(body.password.expose()));
    let client = client(&site, &request);
    let done =
        complete(
            services,
            |services| async move { sign_in::sign_in(&services, &email, password, client).await },
        )
        .await?;
    Ok(signed_in(&site, HttpResponse::Ok(), done))
}

pub async fn register(
    services: web::Data<Services>,
    site: web::Data<Site>,
    request: HttpRequest,
    _: Admitted,
    body: web::Json<Object<RegisterRequest>>,
) -> Result<HttpResponse, Failure> {
    if !site.registration_is_open {
        return Err(Failure::RegistrationClosed);
    }
    refuse(body.faults(services.password_min_length))?;
    let registration = Registration {
        email: body.email.trim().to_owned(),
        name: body.name.trim().to_owned(),
        password: Password::new(body.password.expose()),
    };
    let client = client(&site, &request);
    let done =
        complete(
            services,
            |services| async move { register::register(&services, registration, client).await },
        )
        .await?;
    Ok(signed_in(&site, HttpResponse::Created(), done))
}

/// `POST /api/handover`
pub async fn handover(
    services: web::Data<Services>,
    site: web::Data<Site>,
    request: HttpRequest,
    body: web::Json<Object<HandoverRequest>>,
) -> Result<HttpResponse, Failure> {
    if services.handover_keys.is_empty() {
        return Err(Failure::NotFound);
    }
    let client = client(&site, &request);
    let done = complete(services, |services| async move {
        handover::sign_in(&services, body.assertion.expose(), client).await
    })
    .await?;
    Ok(signed_in(&site, HttpResponse::Ok(), done))
}

pub fn refuse(faults: Fields) -> Result<(), Failure> {
    if faults.is_empty() { Ok(()) } else { Err(Failure::Validation(faults)) }
}

/// What the request says of the browser that it comes from.
pub fn client(site: &Site, request: &HttpRequest) -> Client {
    Client {
        address: Info::of(request).address,
        user_agent: user_agent(request),
        device_cookie: site.cookies.device_of(request),
        present: site.cookies.token_of(request),
    }
}

fn signed_in(site: &Site, mut answer: HttpResponseBuilder, done: SignedIn) -> HttpResponse {
    answer.cookie(site.cookies.session(&done.session));
    if let Some(device) = done.device_cookie {
        answer.cookie(site.cookies.device(device));
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
