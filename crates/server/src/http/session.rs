//! `GET /api/session`, `POST /api/session/chat-token` and `POST /api/logout`: what the session's own
//! cookie opens.

use super::HttpState;
use super::error::HttpError;
use super::object::JsonObject;
use super::request::{RequestInfo, run_to_completion};
use crate::app::AppState;
use crate::sessions::{self, Session, Token};
use crate::sign_in;
use actix_web::{HttpRequest, HttpResponse, web};
use shared::{ChatTokenRequest, ChatTokenResponse, SessionResponse};

pub async fn show(
    services: web::Data<AppState>,
    site: web::Data<HttpState>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    let token = site.cookies.token_of(&request);
    let session = run_to_completion(services, |services| async move { require_session(&services, token).await }).await?;
    let user = session.user;
    Ok(HttpResponse::Ok().json(SessionResponse { id: user.id, email: user.email, name: user.name }))
}

pub async fn chat_token(
    services: web::Data<AppState>,
    site: web::Data<HttpState>,
    request: HttpRequest,
    body: web::Json<JsonObject<ChatTokenRequest>>,
) -> Result<HttpResponse, HttpError> {
    let token = site.cookies.token_of(&request);
    let renew = body.renew;
    let chat_token = run_to_completion(services, move |services| async move {
        let session = require_session(&services, token).await?;
        sign_in::chat_token(&services, &session, renew).await?.ok_or(HttpError::NotSignedIn)
    })
    .await?;
    Ok(HttpResponse::Ok().json(ChatTokenResponse { cometchat_auth_token: chat_token }))
}

pub async fn logout(
    services: web::Data<AppState>,
    site: web::Data<HttpState>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    if let Some(token) = site.cookies.token_of(&request) {
        let address = RequestInfo::of(&request).address;
        run_to_completion(services, |services| async move { sign_in::logout(&services, &token, address).await })
            .await?;
    }
    Ok(logout_response(&site))
}

/// The answer that makes the browser forget its session.
pub fn logout_response(site: &HttpState) -> HttpResponse {
    let mut answer = HttpResponse::NoContent();
    site.headers.clear_storage(&mut answer);
    answer.cookie(site.cookies.expired_session_cookie()).finish()
}

/// The session of this token, or the failure that says there is none.
pub async fn require_session(services: &AppState, token: Option<Token>) -> Result<Session, HttpError> {
    let token = token.ok_or(HttpError::NotSignedIn)?;
    sessions::find_active(&services.db, &token, services.session_lifetime, services.clock.now())
        .await?
        .ok_or(HttpError::NotSignedIn)
}
