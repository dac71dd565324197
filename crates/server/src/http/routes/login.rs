//! `POST /api/login`, `/api/register` and `/api/login/assertion`: what begins a session.

use crate::auth::assertion;
use crate::auth::login::{self, ClientInfo, LoginSuccess};
use crate::auth::register::{self, Registration};
use crate::http::error::HttpError;
use crate::http::extract::admission::Admitted;
use crate::http::extract::json_object::JsonObject;
use crate::http::middleware::request_context::{RequestInfo, run_to_completion};
use crate::http::state::HttpState;
use crate::passwords::Password;
use crate::state::AppState;
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use shared::{AssertionRequest, FieldErrors, LoginRequest, LoginResponse, RegisterRequest};

pub async fn login(
    state: web::Data<AppState>,
    http_state: web::Data<HttpState>,
    request: HttpRequest,
    _: Admitted,
    body: web::Json<JsonObject<LoginRequest>>,
) -> Result<HttpResponse, HttpError> {
    reject_invalid(body.validate())?;
    let (email, password) = (body.email.trim().to_owned(), Password::new(body.password.expose()));
    let client_info = client_info(&http_state, &request);
    let done =
        run_to_completion(
            state,
            |state| async move { login::login(&state, &email, password, client_info).await },
        )
        .await?;
    Ok(login_response(&http_state, HttpResponse::Ok(), done))
}

pub async fn register(
    state: web::Data<AppState>,
    http_state: web::Data<HttpState>,
    request: HttpRequest,
    _: Admitted,
    body: web::Json<JsonObject<RegisterRequest>>,
) -> Result<HttpResponse, HttpError> {
    if !http_state.registration_is_open {
        return Err(HttpError::RegistrationClosed);
    }
    reject_invalid(body.validate(state.password_min_length))?;
    let registration = Registration {
        email: body.email.trim().to_owned(),
        name: body.name.trim().to_owned(),
        password: Password::new(body.password.expose()),
    };
    let client_info = client_info(&http_state, &request);
    let done = run_to_completion(state, |state| async move {
        register::register(&state, registration, client_info).await
    })
    .await?;
    Ok(login_response(&http_state, HttpResponse::Created(), done))
}

/// `POST /api/login/assertion`
pub async fn login_with_assertion(
    state: web::Data<AppState>,
    http_state: web::Data<HttpState>,
    request: HttpRequest,
    body: web::Json<JsonObject<AssertionRequest>>,
) -> Result<HttpResponse, HttpError> {
    if state.assertion_keys.is_empty() {
        return Err(HttpError::NotFound);
    }
    let client_info = client_info(&http_state, &request);
    let done = run_to_completion(state, |state| async move {
        assertion::login(&state, body.assertion.expose(), client_info).await
    })
    .await?;
    Ok(login_response(&http_state, HttpResponse::Ok(), done))
}

pub fn reject_invalid(faults: FieldErrors) -> Result<(), HttpError> {
    if faults.is_empty() { Ok(()) } else { Err(HttpError::Validation(faults)) }
}

/// What the request says of the browser that it comes from.
pub fn client_info(http_state: &HttpState, request: &HttpRequest) -> ClientInfo {
    ClientInfo {
        address: RequestInfo::of(request).address,
        user_agent: user_agent(request),
        device_cookie: http_state.cookies.device_of(request),
        current_session: http_state.cookies.token_of(request),
    }
}

fn login_response(
    http_state: &HttpState,
    mut answer: HttpResponseBuilder,
    done: LoginSuccess,
) -> HttpResponse {
    answer.cookie(http_state.cookies.session_cookie(&done.session));
    if let Some(device) = done.device_cookie {
        answer.cookie(http_state.cookies.device_cookie(device));
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
