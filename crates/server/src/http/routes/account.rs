//! `/api/account` and `/api/sessions`: what somebody who is signed in does with their own account.

use crate::auth::{AccountError, account};
use crate::http::error::HttpError;
use crate::http::extract::json_object::JsonObject;
use crate::http::middleware::request_context::run_to_completion;
use crate::http::routes::login::{client_info, reject_invalid};
use crate::http::routes::session::{logout_response, require_session};
use crate::http::state::HttpState;
use crate::http::user_agent;
use crate::passwords::Password;
use crate::sessions;
use crate::state::AppState;
use actix_web::{HttpRequest, HttpResponse, web};
use shared::{
    ChangePasswordRequest, DeleteAccountRequest, SessionInfo, SessionsResponse, UpdateAccountRequest,
    UserResponse,
};

pub async fn rename(
    state: web::Data<AppState>,
    http_state: web::Data<HttpState>,
    request: HttpRequest,
    body: web::Json<JsonObject<UpdateAccountRequest>>,
) -> Result<HttpResponse, HttpError> {
    let client_info = client_info(&http_state, &request);
    let user = run_to_completion(state, |state| async move {
        let session = require_session(&state, client_info.current_session).await?;
        reject_invalid(body.validate())?;
        Ok::<_, HttpError>(account::rename(&state, &session, body.name.trim(), client_info.address).await?)
    })
    .await?;
    Ok(HttpResponse::Ok().json(UserResponse { id: user.id, email: user.email, name: user.name }))
}

pub async fn change_password(
    state: web::Data<AppState>,
    http_state: web::Data<HttpState>,
    request: HttpRequest,
    body: web::Json<JsonObject<ChangePasswordRequest>>,
) -> Result<HttpResponse, HttpError> {
    let client_info = client_info(&http_state, &request);
    let change = run_to_completion(state, |state| async move {
        let session = require_session(&state, client_info.current_session.clone()).await?;
        reject_invalid(body.validate(state.password_min_length))?;
        let current = Password::new(body.current_password.expose());
        let new = Password::new(body.new_password.expose());
        account::change_password(&state, &session, current, new, &client_info).await.map_err(|error| {
            match error {
                AccountError::WeakPassword(weakness) => HttpError::of_field("newPassword", &weakness),
                error => error.into(),
            }
        })
    })
    .await?;
    Ok(HttpResponse::NoContent()
        .cookie(http_state.cookies.session_cookie(&change.session))
        .cookie(http_state.cookies.device_cookie(change.device_cookie))
        .finish())
}

pub async fn delete(
    state: web::Data<AppState>,
    http_state: web::Data<HttpState>,
    request: HttpRequest,
    body: web::Json<JsonObject<DeleteAccountRequest>>,
) -> Result<HttpResponse, HttpError> {
    let client_info = client_info(&http_state, &request);
    run_to_completion(state, |state| async move {
        let session = require_session(&state, client_info.current_session.clone()).await?;
        reject_invalid(body.validate())?;
        let password = Password::new(body.password.expose());
        Ok::<_, HttpError>(account::delete(&state, &session, password, &client_info).await?)
    })
    .await?;
    Ok(logout_response(&http_state))
}

pub async fn sessions(
    state: web::Data<AppState>,
    http_state: web::Data<HttpState>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    let token = http_state.cookies.token_of(&request);
    let (own, listed, now) = run_to_completion(state, |state| async move {
        let session = require_session(&state, token).await?;
        let listed = sessions::list(&state.db, &session.user.id, state.clock.now()).await?;
        Ok::<_, HttpError>((session.token_hash, listed, state.clock.now()))
    })
    .await?;
    let mut sessions: Vec<SessionInfo> = listed
        .into_iter()
        .map(|listed| SessionInfo {
            id: listed.public_id,
            device: user_agent::describe(&listed.user_agent),
            address: listed.address,
            created_at: listed.created_at,
            // That it is here now is not written each time.
            last_seen_at: if listed.token_hash == own { now } else { listed.last_seen_at },
            current: listed.token_hash == own,
        })
        .collect();
    sessions.sort_by_key(|session| !session.current);
    Ok(HttpResponse::Ok().json(SessionsResponse { sessions }))
}

pub async fn end_session(
    state: web::Data<AppState>,
    http_state: web::Data<HttpState>,
    request: HttpRequest,
    id: web::Path<String>,
) -> Result<HttpResponse, HttpError> {
    let client_info = client_info(&http_state, &request);
    run_to_completion(state, |state| async move {
        let session = require_session(&state, client_info.current_session).await?;
        Ok::<_, HttpError>(account::end_session(&state, &session, &id, client_info.address).await?)
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}

pub async fn end_other_sessions(
    state: web::Data<AppState>,
    http_state: web::Data<HttpState>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    let client_info = client_info(&http_state, &request);
    let token = run_to_completion(state, |state| async move {
        let session = require_session(&state, client_info.current_session).await?;
        Ok::<_, HttpError>(account::end_other_sessions(&state, &session, client_info.address).await?)
    })
    .await?;
    Ok(HttpResponse::NoContent().cookie(http_state.cookies.session_cookie(&token)).finish())
}
