//! The client of the server's API.
//!
//! Each request has a timeout, which includes reading the response. A response that is not the server's
//! (a proxy's error page, a captive portal) counts as no response: only an `ApiError` can say that the
//! user is signed out.

use crate::browser::navigation;
use crate::browser::storage::keeps_cookies;
use crate::shared_fetch::SharedFetch;
use gloo_net::http::{Method, RequestBuilder};
use serde::Serialize;
use serde::de::DeserializeOwned;
use shared::{
    ApiError, ChangePasswordRequest, ChatTokenRequest, ChatTokenResponse, ClientConfig, DeleteAccountRequest,
    ErrorCode, LoginRequest, LoginResponse, RegisterRequest, Secret, SessionInfo, SessionsResponse,
    UpdateAccountRequest, UserResponse, routes,
};
use std::rc::Rc;
use web_sys::AbortSignal;

/// Longer than the server's own timeouts.
const REQUEST_TIMEOUT_MS: u32 = 15_000;

/// Why a request failed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum RequestError {
    /// No network, no response in time, or a response that is not the server's.
    #[error("The server cannot be reached.")]
    NoResponse,
    /// The server answered with an error.
    #[error("{}", .0.message)]
    Rejected(ApiError),
    /// The browser keeps no cookies for this site, so a login was not requested.
    #[error("This browser keeps no cookies for this site.")]
    CookieBlocked,
}

impl RequestError {
    /// Returns the server's error code, if the server responded.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Rejected(error) => Some(error.code),
            Self::NoResponse | Self::CookieBlocked => None,
        }
    }

    pub fn is_signed_out(&self) -> bool {
        self.code() == Some(ErrorCode::NotSignedIn)
    }

    /// Returns the delay after which the server allows another attempt.
    pub fn retry_after_seconds(&self) -> Option<u64> {
        match self {
            Self::Rejected(error) => error.retry_after_seconds,
            Self::NoResponse | Self::CookieBlocked => None,
        }
    }
}

pub async fn session() -> Result<UserResponse, RequestError> {
    call(Method::GET, routes::SESSION, None::<&()>).await?.decode()
}

pub async fn login(request: &LoginRequest) -> Result<LoginResponse, RequestError> {
    start_session(routes::LOGIN, request).await
}

/// Sends a request that starts a session. Without its cookie, the browser could not end the session and its chat token,
/// so a browser without cookies sends nothing.
async fn start_session(route: &str, request: &impl Serialize) -> Result<LoginResponse, RequestError> {
    if !keeps_cookies() {
        return Err(RequestError::CookieBlocked);
    }
    call(Method::POST, route, Some(request)).await?.decode()
}

pub async fn logout() -> Result<(), RequestError> {
    call(Method::POST, routes::LOGOUT, None::<&()>).await?.success().map(drop)
}

/// Returns the session's CometChat token; with `renew` the server revokes it and creates another.
pub async fn chat_token(renew: bool) -> Result<Secret, RequestError> {
    let response: ChatTokenResponse =
        call(Method::POST, routes::CHAT_TOKEN, Some(&ChatTokenRequest { renew })).await?.decode()?;
    Ok(response.cometchat_auth_token)
}

thread_local! {
    static CONFIG: Rc<SharedFetch<Rc<ClientConfig>, RequestError>> = Rc::new(SharedFetch::new());
}

/// Returns the server's public settings, which are fetched once.
pub async fn config() -> Result<Rc<ClientConfig>, RequestError> {
    let fetch = || async { call(Method::GET, routes::CONFIG, None::<&()>).await?.decode().map(Rc::new) };
    CONFIG.with(Rc::clone).get(fetch).await
}

pub async fn register(request: &RegisterRequest) -> Result<LoginResponse, RequestError> {
    start_session(routes::REGISTER, request).await
}

pub async fn rename(request: &UpdateAccountRequest) -> Result<UserResponse, RequestError> {
    call(Method::PUT, routes::ACCOUNT, Some(request)).await?.decode()
}

pub async fn change_password(request: &ChangePasswordRequest) -> Result<(), RequestError> {
    call(Method::PUT, routes::PASSWORD, Some(request)).await?.success().map(drop)
}

pub async fn delete_account(request: &DeleteAccountRequest) -> Result<(), RequestError> {
    call(Method::DELETE, routes::ACCOUNT, Some(request)).await?.success().map(drop)
}

pub async fn sessions() -> Result<Vec<SessionInfo>, RequestError> {
    let response: SessionsResponse = call(Method::GET, routes::SESSIONS, None::<&()>).await?.decode()?;
    Ok(response.sessions)
}

/// Ends one session, or all but the current one.
pub async fn end_sessions(id: Option<&str>) -> Result<(), RequestError> {
    let path = id.map_or(routes::SESSIONS.to_owned(), |id| format!("{}/{id}", routes::SESSIONS));
    call(Method::DELETE, &path, None::<&()>).await?.success().map(drop)
}

struct Response {
    status: u16,
    body: String,
}

impl Response {
    fn success(self) -> Result<String, RequestError> {
        if (200..300).contains(&self.status) {
            return Ok(self.body);
        }
        Err(serde_json::from_str(&self.body).map_or(RequestError::NoResponse, RequestError::Rejected))
    }

    fn decode<T: DeserializeOwned>(self) -> Result<T, RequestError> {
        serde_json::from_str(&self.success()?).map_err(|_| RequestError::NoResponse)
    }
}

async fn call<B: Serialize>(method: Method, path: &str, body: Option<&B>) -> Result<Response, RequestError> {
    let timeout = AbortSignal::timeout_with_u32(REQUEST_TIMEOUT_MS);
    let request = RequestBuilder::new(&navigation::url(path))
        .method(method)
        .header("Accept", "application/json")
        .abort_signal(Some(&timeout));
    let request = match body {
        Some(body) => request.json(body),
        None => request.build(),
    };
    let response = async {
        let response = request?.send().await?;
        let status = response.status();
        Ok::<_, gloo_net::Error>(Response { status, body: response.text().await? })
    };
    response.await.map_err(|_| RequestError::NoResponse)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(status: u16, body: &str) -> Response {
        Response { status, body: body.into() }
    }

    const USER: &str = r#"{"id":"ada","email":"ada@example.com","name":"Ada"}"#;

    #[test]
    fn success_is_decoded() {
        let user: UserResponse = response(200, USER).decode().unwrap();
        assert_eq!(user.name, "Ada");
    }

    #[test]
    fn success_without_body_is_accepted() {
        assert!(response(204, "").success().is_ok());
    }

    #[test]
    fn rejection_keeps_code_and_retry_after() {
        let body = r#"{"code":"too_many_attempts","message":"m","requestId":"r","retryAfterSeconds":42}"#;
        let error = response(429, body).decode::<LoginResponse>().unwrap_err();
        assert_eq!(error.code(), Some(ErrorCode::TooManyAttempts));
        assert_eq!(error.retry_after_seconds(), Some(42));
        assert!(!error.is_signed_out());
    }

    #[test]
    fn only_an_api_error_means_signed_out() {
        let body = r#"{"code":"not_signed_in","message":"m","requestId":"r"}"#;
        assert!(response(401, body).decode::<UserResponse>().unwrap_err().is_signed_out());
        let proxy =
            response(401, "<h1>401 Authorization Required</h1>").decode::<UserResponse>().unwrap_err();
        assert_eq!(proxy, RequestError::NoResponse);
    }

    #[test]
    fn foreign_response_counts_as_no_response() {
        for (status, body) in
            [(200, "<!doctype html>"), (200, "{}"), (502, "Bad Gateway"), (500, "{\"error\":1}")]
        {
            assert_eq!(response(status, body).decode::<UserResponse>(), Err(RequestError::NoResponse));
        }
    }
}
