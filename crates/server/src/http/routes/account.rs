//! `/api/account`: the account of the signed-in user.

use super::{logout_response, reject_invalid, tag};
use crate::auth::login::ClientInfo;
use crate::auth::{AccountError, account};
use crate::http::error::HttpError;
use crate::http::extract::current_session::CurrentSession;
use crate::http::extract::json_object::JsonObject;
use crate::http::middleware::security_headers::HeaderPolicy;
use crate::http::state::HttpState;
use crate::passwords::Password;
use crate::state::AppState;
use crate::users::name;
use actix_web::{HttpResponse, web};
use shared::{
    ChangePasswordRequest, DeleteAccountRequest, ErrorCode, UpdateAccountRequest, UserResponse, routes,
};

/// Changes the user's name, here and at CometChat.
#[utoipa::path(
    put,
    path = routes::ACCOUNT,
    operation_id = "rename",
    tag = tag::ACCOUNT,
    security(("session" = [])),
    request_body(content = UpdateAccountRequest, example = json!({"name": "Ada Lovelace"})),
    responses((
        status = 200,
        description = "The user with the new name",
        body = UserResponse,
        example = json!({
            "id": "7d9f0c2e-5b1a-4c8e-9f43-2a6b1d0e8c57",
            "email": "ada@example.com",
            "name": "Ada Lovelace",
        })
    )),
    extensions(("x-errors" = json!([ErrorCode::ValidationFailed, ErrorCode::TooManyAttempts]))),
)]
pub async fn rename(
    state: web::Data<AppState>,
    CurrentSession(session): CurrentSession,
    client: ClientInfo,
    body: web::Json<JsonObject<UpdateAccountRequest>>,
) -> Result<HttpResponse, HttpError> {
    let mut errors = body.validate();
    name::check_is_visible(body.name.trim(), &mut errors);
    reject_invalid(errors)?;
    let user = state
        .run_to_completion(async move |state| {
            account::rename(&state, &session, body.name.trim(), client.address).await
        })
        .await??;
    Ok(HttpResponse::Ok().json(UserResponse { id: user.id, email: user.email, name: user.name }))
}

/// Changes the password, ends all other sessions of the user, and replaces the current one.
#[utoipa::path(
    put,
    path = routes::PASSWORD,
    operation_id = "changePassword",
    tag = tag::ACCOUNT,
    security(("session" = [])),
    request_body(
        content = ChangePasswordRequest,
        example = json!({
            "currentPassword": "plum tractor yesterday",
            "newPassword": "carpet lantern november",
        })
    ),
    responses((status = 204, description = "The password is changed. The response sets a new session cookie.")),
    extensions(("x-errors" = json!([
        ErrorCode::InvalidCredentials,
        ErrorCode::ValidationFailed,
        ErrorCode::TooManyAttempts,
        ErrorCode::Overloaded,
    ]))),
)]
pub async fn change_password(
    state: web::Data<AppState>,
    http_state: web::Data<HttpState>,
    CurrentSession(session): CurrentSession,
    client: ClientInfo,
    body: web::Json<JsonObject<ChangePasswordRequest>>,
) -> Result<HttpResponse, HttpError> {
    reject_invalid(body.validate(state.password_min_length))?;
    let current = Password::new(body.current_password.expose());
    let new = Password::new(body.new_password.expose());
    let change = state
        .run_to_completion(async move |state| {
            account::change_password(&state, &session, current, new, &client).await
        })
        .await?
        .map_err(|error| match error {
            AccountError::WeakPassword(violation) => HttpError::of_field("newPassword", &violation),
            error => error.into(),
        })?;
    Ok(HttpResponse::NoContent()
        .cookie(http_state.cookies.session_cookie(&change.session))
        .cookie(http_state.cookies.device_cookie(change.device_cookie))
        .finish())
}

/// Deletes the account permanently, here and at CometChat.
#[utoipa::path(
    delete,
    path = routes::ACCOUNT,
    operation_id = "deleteAccount",
    tag = tag::ACCOUNT,
    security(("session" = [])),
    request_body(content = DeleteAccountRequest, example = json!({"password": "plum tractor yesterday"})),
    responses((status = 204, description = "The account is deleted. The response deletes the session cookie.")),
    extensions(("x-errors" = json!([
        ErrorCode::InvalidCredentials,
        ErrorCode::ValidationFailed,
        ErrorCode::TooManyAttempts,
        ErrorCode::Overloaded,
    ]))),
)]
pub async fn delete(
    state: web::Data<AppState>,
    http_state: web::Data<HttpState>,
    headers: web::Data<HeaderPolicy>,
    CurrentSession(session): CurrentSession,
    client: ClientInfo,
    body: web::Json<JsonObject<DeleteAccountRequest>>,
) -> Result<HttpResponse, HttpError> {
    reject_invalid(body.validate())?;
    let password = Password::new(body.password.expose());
    state
        .run_to_completion(async move |state| account::delete(&state, &session, password, &client).await)
        .await??;
    Ok(logout_response(&http_state.cookies, &headers))
}
