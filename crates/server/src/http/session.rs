//! `GET /api/session`, `POST /api/session/chat-token` and `POST /api/logout`: what the session's own
//! cookie opens.

use super::Site;
use super::error::Failure;
use super::object::Object;
use super::request::{Info, complete};
use crate::app::Services;
use crate::sessions::{self, Session, Token};
use crate::sign_in;
use actix_web::{HttpRequest, HttpResponse, web};
use shared::{ChatTokenRequest, ChatTokenResponse, SessionResponse};

pub async fn show(
    services: web::Data<Services>,
    site: web::Data<Site>,
    request: HttpRequest,
) -> Result<HttpResponse, Failure> {
    let token = site.cookies.token_of(&request);
    let session = complete(services, |services| async move { resolve(&services, token).await }).await?;
    let user = session.user;
    Ok(HttpResponse::Ok().json(SessionResponse { id: user.id, email: user.email, name: user.name }))
}

pub async fn chat_token(
    services: web::Data<Services>,
    site: web::Data<Site>,
    request: HttpRequest,
    body: web::Json<Object<ChatTokenRequest>>,
) -> Result<HttpResponse, Failure> {
    let token = site.cookies.token_of(&request);
    let renew = body.renew;
    let chat_token = complete(services, move |services| async move {
        let session = resolve(&services, token).await?;
        sign_in::chat_token(&services, &session, renew).await?.ok_or(Failure::NotSignedIn)
    })
    .await?;
    Ok(HttpResponse::Ok().json(ChatTokenResponse { cometchat_auth_token: chat_token }))
}

pub async fn logout(
    services: web::Data<Services>,
    site: web::Data<Site>,
    request: HttpRequest,
) -> Result<HttpResponse, Failure> {
    if let Some(token) = site.cookies.token_of(&request) {
        let address = Info::of(&request).address;
        complete(services, |services| async move { sign_in::sign_out(&services, &token, address).await })
            .await?;
    }
    Ok(signed_out(&site))
}

/// The answer that makes the browser forget its session.
pub fn signed_out(site: &Site) -> HttpResponse {
    let mut answer = HttpResponse::NoContent();
    site.headers.clear_storage(&mut answer);
    answer.cookie(site.cookies.clearing()).finish()
}

/// The session of this token, or the failure that says there is none.
pub async fn resolve(services: &Services, token: Option<Token>) -> Result<Session, Failure> {
    let token = token.ok_or(Failure::NotSignedIn)?;
    sessions::resolve(&services.db, &token, services.lifetime, services.clock.now())
        .await?
        .ok_or(Failure::NotSignedIn)
}
