//! `/api/account` and `/api/sessions`: what somebody who is signed in does with their own account.

use super::HttpState;
use super::user_agent;
use super::error::HttpError;
use super::login::{client_info, reject_invalid};
use super::object::JsonObject;
use super::request::run_to_completion;
use super::session::{require_session, logout_response};
use crate::users::{AccountError, manage};
use crate::app::AppState;
use crate::passwords::Password;
use crate::sessions;
use actix_web::{HttpRequest, HttpResponse, web};
use shared::{
    DeleteAccountRequest, PasswordRequest, RenameRequest, SessionInfo, SessionResponse, SessionsResponse,
};

pub async fn rename(
    services: web::Data<AppState>,
    site: web::Data<HttpState>,
    request: HttpRequest,
    body: web::Json<JsonObject<RenameRequest>>,
) -> Result<HttpResponse, HttpError> {
    let client = client_info(&site, &request);
    let user = run_to_completion(services, |services| async move {
        let session = require_session(&services, client_info.current_session).await?;
        reject_invalid(body.faults())?;
        Ok::<_, HttpError>(manage::rename(&services, &session, body.name.trim(), client_info.address).await?)
    })
    .await?;
    Ok(HttpResponse::Ok().json(SessionResponse { id: user.id, email: user.email, name: user.name }))
}

pub async fn change_password(
    services: web::Data<AppState>,
    site: web::Data<HttpState>,
    request: HttpRequest,
    body: web::Json<JsonObject<PasswordRequest>>,
) -> Result<HttpResponse, HttpError> {
    let client = client_info(&site, &request);
    let change = run_to_completion(services, |services| async move {
        let session = require_session(&services, client_info.current_session.clone()).await?;
        reject_invalid(body.faults(services.password_min_length))?;
        let current = Password::new(body.current_password.expose());
        let new = Password::new(body.new_password.expose());
        manage::change_password(&services, &session, current, new, &client_info).await.map_err(|error| match error
        {
            AccountError::WeakPassword(weakness) => HttpError::of_field("newPassword", &weakness),
            error => error.into(),
        })
    })
    .await?;
    Ok(HttpResponse::NoContent()
        .cookie(site.cookies.session_cookie(&change.session))
        .cookie(site.cookies.device_cookie(change.device_cookie))
        .finish())
}

pub async fn delete(
    services: web::Data<AppState>,
    site: web::Data<HttpState>,
    request: HttpRequest,
    body: web::Json<JsonObject<DeleteAccountRequest>>,
) -> Result<HttpResponse, HttpError> {
    let client = client_info(&site, &request);
    run_to_completion(services, |services| async move {
        let session = require_session(&services, client_info.current_session.clone()).await?;
        reject_invalid(body.faults())?;
        let password = Password::new(body.password.expose());
        Ok::<_, HttpError>(manage::delete(&services, &session, password, &client_info).await?)
    })
    .await?;
    Ok(logout_response(&site))
}

pub async fn sessions(
    services: web::Data<AppState>,
    site: web::Data<HttpState>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    let token = site.cookies.token_of(&request);
    let (own, listed, now) = run_to_completion(services, |services| async move {
        let session = require_session(&services, token).await?;
        let listed = sessions::list(&services.db, &session.user.id, services.clock.now()).await?;
        Ok::<_, HttpError>((session.token_hash, listed, services.clock.now()))
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
    services: web::Data<AppState>,
    site: web::Data<HttpState>,
    request: HttpRequest,
    id: web::Path<String>,
) -> Result<HttpResponse, HttpError> {
    let client = client_info(&site, &request);
    run_to_completion(services, |services| async move {
        let session = require_session(&services, client_info.current_session).await?;
        Ok::<_, HttpError>(manage::end_session(&services, &session, &id, client_info.address).await?)
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}

pub async fn end_other_sessions(
    services: web::Data<AppState>,
    site: web::Data<HttpState>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    let client = client_info(&site, &request);
    let token = run_to_completion(services, |services| async move {
        let session = require_session(&services, client_info.current_session).await?;
        Ok::<_, HttpError>(manage::end_other_sessions(&services, &session, client_info.address).await?)
    })
    .await?;
    Ok(HttpResponse::NoContent().cookie(site.cookies.session_cookie(&token)).finish())
}
