//! `GET /api/session`, `POST /api/session/chat-token` and `POST /api/logout`: what the session's own
//! cookie opens.

use crate::auth::login;
use crate::http::error::HttpError;
use crate::http::extract::json_object::JsonObject;
use crate::http::middleware::request_context::{RequestInfo, run_to_completion};
use crate::http::state::HttpState;
use crate::sessions::{self, Session, Token};
use crate::state::AppState;
use actix_web::{HttpRequest, HttpResponse, web};
use shared::{ChatTokenRequest, ChatTokenResponse, UserResponse};

pub async fn show(
    state: web::Data<AppState>,
    http_state: web::Data<HttpState>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    let token = http_state.cookies.token_of(&request);
    let session =
        run_to_completion(state, |state| async move { require_session(&state, token).await }).await?;
    let user = session.user;
    Ok(HttpResponse::Ok().json(UserResponse { id: user.id, email: user.email, name: user.name }))
}

pub async fn chat_token(
    state: web::Data<AppState>,
    http_state: web::Data<HttpState>,
    request: HttpRequest,
    body: web::Json<JsonObject<ChatTokenRequest>>,
) -> Result<HttpResponse, HttpError> {
    let token = http_state.cookies.token_of(&request);
    let renew = body.renew;
    let chat_token = run_to_completion(state, move |state| async move {
        let session = require_session(&state, token).await?;
        login::chat_token(&state, &session, renew).await?.ok_or(HttpError::NotSignedIn)
    })
    .await?;
    Ok(HttpResponse::Ok().json(ChatTokenResponse { cometchat_auth_token: chat_token }))
}

pub async fn logout(
    state: web::Data<AppState>,
    http_state: web::Data<HttpState>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    if let Some(token) = http_state.cookies.token_of(&request) {
        let address = RequestInfo::of(&request).address;
        run_to_completion(state, |state| async move { login::logout(&state, &token, address).await }).await?;
    }
    Ok(logout_response(&http_state))
}

/// The answer that makes the browser forget its session.
pub fn logout_response(http_state: &HttpState) -> HttpResponse {
    let mut answer = HttpResponse::NoContent();
    http_state.headers.clear_storage(&mut answer);
    answer.cookie(http_state.cookies.expired_session_cookie()).finish()
}

/// The session of this token, or the failure that says there is none.
pub async fn require_session(state: &AppState, token: Option<Token>) -> Result<Session, HttpError> {
    let token = token.ok_or(HttpError::NotSignedIn)?;
    sessions::find_active(&state.db, &token, state.session_lifetime, state.clock.now())
        .await?
        .ok_or(HttpError::NotSignedIn)
}
