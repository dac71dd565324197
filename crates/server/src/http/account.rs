//! `/api/account` and `/api/sessions`: what somebody who is signed in does with their own account.

use super::Site;
use super::user_agent;
use super::error::Failure;
use super::login::{client, refuse};
use super::object::Object;
use super::request::complete;
use super::session::{resolve, signed_out};
use crate::users::{AccountError, manage};
use crate::app::Services;
use crate::passwords::Password;
use crate::sessions;
use actix_web::{HttpRequest, HttpResponse, web};
use shared::{
    DeleteAccountRequest, PasswordRequest, RenameRequest, SessionInfo, SessionResponse, SessionsResponse,
};

pub async fn rename(
    services: web::Data<Services>,
    site: web::Data<Site>,
    request: HttpRequest,
    body: web::Json<Object<RenameRequest>>,
) -> Result<HttpResponse, Failure> {
    let client = client(&site, &request);
    let user = complete(services, |services| async move {
        let session = resolve(&services, client.present).await?;
        refuse(body.faults())?;
        Ok::<_, Failure>(manage::rename(&services, &session, body.name.trim(), client.address).await?)
    })
    .await?;
    Ok(HttpResponse::Ok().json(SessionResponse { id: user.id, email: user.email, name: user.name }))
}

pub async fn change_password(
    services: web::Data<Services>,
    site: web::Data<Site>,
    request: HttpRequest,
    body: web::Json<Object<PasswordRequest>>,
) -> Result<HttpResponse, Failure> {
    let client = client(&site, &request);
    let change = complete(services, |services| async move {
        let session = resolve(&services, client.present.clone()).await?;
        refuse(body.faults(services.password_min_length))?;
        let current = Password::new(body.current_password.expose());
        let new = Password::new(body.new_password.expose());
        manage::change_password(&services, &session, current, new, &client).await.map_err(|error| match error
        {
            AccountError::WeakPassword(weakness) => Failure::of_field("newPassword", &weakness),
            error => error.into(),
        })
    })
    .await?;
    Ok(HttpResponse::NoContent()
        .cookie(site.cookies.session(&change.session))
        .cookie(site.cookies.device(change.device_cookie))
        .finish())
}

pub async fn delete(
    services: web::Data<Services>,
    site: web::Data<Site>,
    request: HttpRequest,
    body: web::Json<Object<DeleteAccountRequest>>,
) -> Result<HttpResponse, Failure> {
    let client = client(&site, &request);
    complete(services, |services| async move {
        let session = resolve(&services, client.present.clone()).await?;
        refuse(body.faults())?;
        let password = Password::new(body.password.expose());
        Ok::<_, Failure>(manage::delete(&services, &session, password, &client).await?)
    })
    .await?;
    Ok(signed_out(&site))
}

pub async fn sessions(
    services: web::Data<Services>,
    site: web::Data<Site>,
    request: HttpRequest,
) -> Result<HttpResponse, Failure> {
    let token = site.cookies.token_of(&request);
    let (own, listed, now) = complete(services, |services| async move {
        let session = resolve(&services, token).await?;
        let listed = sessions::list(&services.db, &session.user.id, services.clock.now()).await?;
        Ok::<_, Failure>((session.token_hash, listed, services.clock.now()))
    })
    .await?;
    let mut sessions: Vec<SessionInfo> = listed
        .into_iter()
        .map(|listed| SessionInfo {
            id: listed.public_id,
            device: user_agent::in_words(&listed.user_agent),
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
    services: web::Data<Services>,
    site: web::Data<Site>,
    request: HttpRequest,
    id: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let client = client(&site, &request);
    complete(services, |services| async move {
        let session = resolve(&services, client.present).await?;
        Ok::<_, Failure>(manage::end_session(&services, &session, &id, client.address).await?)
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}

pub async fn end_other_sessions(
    services: web::Data<Services>,
    site: web::Data<Site>,
    request: HttpRequest,
) -> Result<HttpResponse, Failure> {
    let client = client(&site, &request);
    let token = complete(services, |services| async move {
        let session = resolve(&services, client.present).await?;
        Ok::<_, Failure>(manage::end_other_sessions(&services, &session, client.address).await?)
    })
    .await?;
    Ok(HttpResponse::NoContent().cookie(site.cookies.session(&token)).finish())
}
