//! `/api/session`, `/api/logout` and `/api/sessions`: the session of the request and the user's other sessions.

use super::{logout_response, tag};
use crate::auth::account;
use crate::auth::login::{self, ClientInfo};
use crate::http::error::HttpError;
use crate::http::extract::current_session::CurrentSession;
use crate::http::extract::json_object::JsonObject;
use crate::http::middleware::security_headers::HeaderPolicy;
use crate::http::state::HttpState;
use crate::http::user_agent;
use crate::sessions;
use crate::state::AppState;
use actix_web::{HttpResponse, web};
use shared::{
    ChatTokenRequest, ChatTokenResponse, ErrorCode, SessionInfo, SessionsResponse, UserResponse, routes,
};

/// Returns the signed-in user.
#[utoipa::path(
    get,
    path = routes::SESSION,
    operation_id = "session",
    tag = tag::SESSIONS,
    security(("session" = [])),
    responses((
        status = 200,
        description = "The signed-in user",
        body = UserResponse,
        example = json!({
            "id": "7d9f0c2e-5b1a-4c8e-9f43-2a6b1d0e8c57",
            "email": "ada@example.com",
            "name": "Ada Lovelace",
        })
    )),
)]
pub async fn show(CurrentSession(session): CurrentSession) -> HttpResponse {
    let user = session.user;
    HttpResponse::Ok().json(UserResponse { id: user.id, email: user.email, name: user.name })
}

/// Returns the session's chat token, or with `renew` a new one.
#[utoipa::path(
    post,
    path = routes::CHAT_TOKEN,
    operation_id = "chatToken",
    tag = tag::SESSIONS,
    security(("session" = [])),
    request_body(content = ChatTokenRequest, example = json!({"renew": false})),
    responses((
        status = 200,
        description = "The chat token",
        body = ChatTokenResponse,
        example = json!({"cometchatAuthToken": "7d9f0c2e-5b1a-4c8e-9f43-2a6b1d0e8c57_1764043200a1b2c3d4"})
    )),
    extensions(("x-errors" = json!([ErrorCode::TooManyAttempts, ErrorCode::ChatUnavailable, ErrorCode::ChatDisabled]))),
)]
pub async fn chat_token(
    state: web::Data<AppState>,
    CurrentSession(session): CurrentSession,
    body: web::Json<JsonObject<ChatTokenRequest>>,
) -> Result<HttpResponse, HttpError> {
    let renew = body.renew;
    let chat_token = state
        .run_to_completion(async move |state| login::chat_token(&state, &session, renew).await)
        .await??;
    let cometchat_auth_token = chat_token.ok_or(HttpError::NotSignedIn)?;
    Ok(HttpResponse::Ok().json(ChatTokenResponse { cometchat_auth_token }))
}

/// Ends the session and revokes its chat token. It also succeeds without a session.
#[utoipa::path(
    post,
    path = routes::LOGOUT,
    operation_id = "logout",
    tag = tag::SESSIONS,
    responses((status = 204, description = "No session is active. The response deletes the session cookie.")),
)]
pub async fn logout(
    state: web::Data<AppState>,
    http_state: web::Data<HttpState>,
    headers: web::Data<HeaderPolicy>,
    client: ClientInfo,
) -> Result<HttpResponse, HttpError> {
    if let Some(token) = client.current_session {
        state
            .run_to_completion(async move |state| login::logout(&state, &token, client.address).await)
            .await??;
    }
    Ok(logout_response(&http_state.cookies, &headers))
}

/// Returns the user's sessions, the current one first, then by last use.
#[utoipa::path(
    get,
    path = routes::SESSIONS,
    operation_id = "sessions",
    tag = tag::SESSIONS,
    security(("session" = [])),
    responses((
        status = 200,
        description = "The sessions",
        links(("endSession" = (
            operation_id = "endSession",
            parameters(("id" = "$response.body#/sessions/0/id"))
        ))),
        body = SessionsResponse,
        example = json!({"sessions": [{
            "id": "0192f3c7a1b27c4d8e9fa0b1c2d3e4f5",
            "device": "Firefox on Windows",
            "address": "192.0.2.7",
            "createdAt": 1_764_043_200,
            "lastSeenAt": 1_764_050_400,
            "current": true,
        }]})
    )),
)]
pub async fn list(
    state: web::Data<AppState>,
    CurrentSession(session): CurrentSession,
) -> Result<HttpResponse, HttpError> {
    let (user_id, now) = (session.user.id, state.clock.now());
    let summaries =
        state.run_to_completion(async move |state| sessions::list(&state.db, &user_id, now).await).await??;
    let mut sessions: Vec<SessionInfo> = summaries
        .into_iter()
        .map(|summary| {
            let current = summary.token_hash == session.token_hash;
            SessionInfo {
                id: summary.public_id,
                device: user_agent::describe(&summary.user_agent),
                address: summary.address,
                created_at: summary.created_at,
                // The database is updated about once a minute, but the current session is in use now.
                last_seen_at: if current { now } else { summary.last_seen_at },
                current,
            }
        })
        .collect();
    sessions.sort_by_key(|session| !session.current);
    Ok(HttpResponse::Ok().json(SessionsResponse { sessions }))
}

/// Ends one session of the user.
#[utoipa::path(
    delete,
    path = routes::SESSION_BY_ID,
    operation_id = "endSession",
    tag = tag::SESSIONS,
    security(("session" = [])),
    params((
        "id" = String,
        Path,
        description = "The id from the list of sessions. If there is no such session, it has ended already.",
        min_length = 1,
        example = "0192f3c7a1b27c4d8e9fa0b1c2d3e4f5"
    )),
    responses((status = 204, description = "The session has ended")),
)]
pub async fn end(
    state: web::Data<AppState>,
    CurrentSession(session): CurrentSession,
    client: ClientInfo,
    id: web::Path<String>,
) -> Result<HttpResponse, HttpError> {
    state
        .run_to_completion(async move |state| {
            account::end_session(&state, &session, &id, client.address).await
        })
        .await??;
    Ok(HttpResponse::NoContent().finish())
}

/// Ends all other sessions of the user, and replaces the current one.
#[utoipa::path(
    delete,
    path = routes::SESSIONS,
    operation_id = "endOtherSessions",
    tag = tag::SESSIONS,
    security(("session" = [])),
    responses((status = 204, description = "The other sessions have ended. The response sets a new session cookie.")),
)]
pub async fn end_others(
    state: web::Data<AppState>,
    http_state: web::Data<HttpState>,
    CurrentSession(session): CurrentSession,
    client: ClientInfo,
) -> Result<HttpResponse, HttpError> {
    let token = state
        .run_to_completion(async move |state| {
            account::end_other_sessions(&state, &session, client.address).await
        })
        .await??;
    Ok(HttpResponse::NoContent().cookie(http_state.cookies.session_cookie(&token)).finish())
}
