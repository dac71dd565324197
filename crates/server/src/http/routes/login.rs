//! `/api/login`, `/api/register` and `/api/login/assertion`: the routes that start a session.

use super::{reject_invalid, tag};
use crate::auth::assertion;
use crate::auth::login::{self, ClientInfo, LoginSuccess};
use crate::auth::register::{self, Registration};
use crate::http::error::HttpError;
use crate::http::extract::admission::Admitted;
use crate::http::extract::json_object::JsonObject;
use crate::http::extract::same_site::SameSite;
use crate::http::state::HttpState;
use crate::passwords::Password;
use crate::state::AppState;
use crate::users::{email, name};
use actix_web::{HttpResponse, HttpResponseBuilder, web};
use shared::{AssertionRequest, ErrorCode, LoginRequest, LoginResponse, RegisterRequest, routes};

/// Logs in to the app and, if it can be reached, to CometChat.
#[utoipa::path(
    post,
    path = routes::LOGIN,
    operation_id = "login",
    tag = tag::SESSIONS,
    request_body(
        content = LoginRequest,
        example = json!({"email": "ada@example.com", "password": "plum tractor yesterday"})
    ),
    responses((
        status = 200,
        description = "The user is logged in. The response sets the session cookie.",
        body = LoginResponse,
        example = json!(login_response_example())
    )),
    extensions(("x-errors" = json!([
        ErrorCode::CrossSite,
        ErrorCode::InvalidCredentials,
        ErrorCode::ValidationFailed,
        ErrorCode::TooManyAttempts,
        ErrorCode::Overloaded,
    ]))),
)]
pub async fn login(
    _: SameSite,
    _: Admitted,
    state: web::Data<AppState>,
    http_state: web::Data<HttpState>,
    client: ClientInfo,
    body: web::Json<JsonObject<LoginRequest>>,
) -> Result<HttpResponse, HttpError> {
    reject_invalid(body.validate())?;
    let (email, password) = (body.email.trim().to_owned(), Password::new(body.password.expose()));
    let success = state
        .run_to_completion(async move |state| login::login(&state, &email, password, client).await)
        .await??;
    Ok(login_response(&http_state, HttpResponse::Ok(), success))
}

/// Creates an account, here and at CometChat, and logs in to it.
#[utoipa::path(
    post,
    path = routes::REGISTER,
    operation_id = "register",
    tag = tag::ACCOUNT,
    request_body(
        content = RegisterRequest,
        example = json!({
            "email": "ada@example.com",
            "password": "plum tractor yesterday",
            "name": "Ada Lovelace",
        })
    ),
    responses((
        status = 201,
        description = "The account is created and the user logged in. The response sets the session cookie.",
        body = LoginResponse,
        example = json!(login_response_example())
    )),
    extensions(("x-errors" = json!([
        ErrorCode::CrossSite,
        ErrorCode::RegistrationClosed,
        ErrorCode::EmailTaken,
        ErrorCode::ValidationFailed,
        ErrorCode::TooManyAttempts,
        ErrorCode::Overloaded,
    ]))),
)]
pub async fn register(
    _: SameSite,
    _: Admitted,
    state: web::Data<AppState>,
    http_state: web::Data<HttpState>,
    client: ClientInfo,
    body: web::Json<JsonObject<RegisterRequest>>,
) -> Result<HttpResponse, HttpError> {
    if !http_state.registration_is_open {
        return Err(HttpError::RegistrationClosed);
    }
    let mut errors = body.validate(state.password_min_length);
    email::check_domain(body.email.trim(), &mut errors);
    name::check_is_visible(body.name.trim(), &mut errors);
    reject_invalid(errors)?;
    let registration = Registration {
        email: email::to_shown_form(body.email.trim()),
        name: body.name.trim().to_owned(),
        password: Password::new(body.password.expose()),
    };
    let success = state
        .run_to_completion(async move |state| register::register(&state, registration, client).await)
        .await??;
    Ok(login_response(&http_state, HttpResponse::Created(), success))
}

/// Logs in with an assertion that the app's own server signed.
///
/// It is available if the server has an `ASSERTION_KEY`. INTEGRATE.md describes how to sign an assertion.
#[utoipa::path(
    post,
    path = routes::LOGIN_ASSERTION,
    operation_id = "loginWithAssertion",
    tag = tag::SESSIONS,
    request_body(
        content = AssertionRequest,
        example = json!({"assertion": "eyJhbGciOiJIUzI1NiJ9.eyJhdWQiOiJjb21l…In0.c2lnbmF0dXJl"})
    ),
    responses((
        status = 200,
        description = "The user is logged in. The response sets the session cookie.",
        body = LoginResponse,
        example = json!(login_response_example())
    )),
    extensions(("x-errors" = json!([
        ErrorCode::CrossSite,
        ErrorCode::InvalidAssertion,
        ErrorCode::EmailTaken,
        ErrorCode::TooManyAttempts,
        ErrorCode::AssertionsDisabled,
    ]))),
)]
pub async fn login_with_assertion(
    _: SameSite,
    state: web::Data<AppState>,
    http_state: web::Data<HttpState>,
    client: ClientInfo,
    body: web::Json<JsonObject<AssertionRequest>>,
) -> Result<HttpResponse, HttpError> {
    if state.assertion_keys.is_empty() {
        return Err(HttpError::AssertionsDisabled);
    }
    let success = state
        .run_to_completion(async move |state| assertion::login(&state, body.assertion.expose(), client).await)
        .await??;
    Ok(login_response(&http_state, HttpResponse::Ok(), success))
}

/// The example of a response in the API description.
fn login_response_example() -> serde_json::Value {
    serde_json::json!({
        "id": "7d9f0c2e-5b1a-4c8e-9f43-2a6b1d0e8c57",
        "email": "ada@example.com",
        "name": "Ada Lovelace",
        "cometchatAuthToken": "7d9f0c2e-5b1a-4c8e-9f43-2a6b1d0e8c57_1764043200a1b2c3d4",
    })
}

fn login_response(
    http_state: &HttpState,
    mut response: HttpResponseBuilder,
    success: LoginSuccess,
) -> HttpResponse {
    response.cookie(http_state.cookies.session_cookie(&success.session));
    if let Some(device_cookie) = success.device_cookie {
        response.cookie(http_state.cookies.device_cookie(device_cookie));
    }
    response.json(LoginResponse {
        id: success.user.id,
        email: success.user.email,
        name: success.user.name,
        cometchat_auth_token: success.chat_token,
    })
}
