//! The calls to the app's own server, and the one way in which they fail.
//!
//! Knows routes and wire types from `shared`; knows nothing of pages or of CometChat. Every call has a
//! time limit, which covers the reading of the answer too, and an answer that is not ours (a proxy's
//! error page, a captive portal) is no answer: only an `ApiError` may say that nobody is signed in.

use crate::browser;
use crate::once::Once;
use gloo_net::http::{Method, RequestBuilder};
use serde::Serialize;
use serde::de::DeserializeOwned;
use shared::{
    ApiError, ChatTokenRequest, ChatTokenResponse, ClientConfig, DeleteAccountRequest, ErrorCode,
    LoginRequest, LoginResponse, PasswordRequest, RegisterRequest, RenameRequest, Secret, SessionInfo,
    SessionResponse, SessionsResponse, routes,
};
use std::rc::Rc;
use web_sys::AbortSignal;

/// Longer than the server ever takes, so that a wait that ends here was in vain.
const LIMIT_MS: u32 = 15_000;

/// Why a call brought nothing.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Failure {
    /// No network, no answer in time, or an answer that is not the server's.
    #[error("the server cannot be reached")]
    NoAnswer,
    /// The server said no.
    #[error("{}", .0.message)]
    Refused(ApiError),
}

impl Failure {
    /// The server's code for what went wrong, when it said anything.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::NoAnswer => None,
            Self::Refused(error) => Some(error.code),
        }
    }

    pub fn is_signed_out(&self) -> bool {
        self.code() == Some(ErrorCode::NotSignedIn)
    }

    /// After how many seconds the server says it is worth trying again.
    pub fn retry_after_seconds(&self) -> Option<u64> {
        match self {
            Self::NoAnswer => None,
            Self::Refused(error) => error.retry_after_seconds,
        }
    }
}

pub async fn session() -> Result<SessionResponse, Failure> {
    call(Method::GET, routes::SESSION, None::<&()>).await?.decode()
}

pub async fn login(request: &LoginRequest) -> Result<LoginResponse, Failure> {
    call(Method::POST, routes::LOGIN, Some(request)).await?.decode()
}

pub async fn logout() -> Result<(), Failure> {
    call(Method::POST, routes::LOGOUT, None::<&()>).await?.success().map(drop)
}

/// This session's token for CometChat; with `renew` a new one, the old one revoked.
pub async fn chat_token(renew: bool) -> Result<Secret, Failure> {
    let answer: ChatTokenResponse =
        call(Method::POST, routes::CHAT_TOKEN, Some(&ChatTokenRequest { renew })).await?.decode()?;
    Ok(answer.cometchat_auth_token)
}

thread_local! {
    static CONFIG: Rc<Once<Rc<ClientConfig>, Failure>> = Rc::new(Once::new());
}

/// What the server says of itself. It is asked once.
pub async fn config() -> Result<Rc<ClientConfig>, Failure> {
    let fetch = || async { call(Method::GET, routes::CONFIG, None::<&()>).await?.decode().map(Rc::new) };
    CONFIG.with(Rc::clone).get(fetch).await
}

pub async fn register(request: &RegisterRequest) -> Result<LoginResponse, Failure> {
    call(Method::POST, routes::REGISTER, Some(request)).await?.decode()
}

pub async fn rename(request: &RenameRequest) -> Result<SessionResponse, Failure> {
    call(Method::PUT, routes::ACCOUNT, Some(request)).await?.decode()
}

pub async fn change_password(request: &PasswordRequest) -> Result<(), Failure> {
    call(Method::PUT, routes::PASSWORD, Some(request)).await?.success().map(drop)
}

pub async fn delete_account(request: &DeleteAccountRequest) -> Result<(), Failure> {
    call(Method::DELETE, routes::ACCOUNT, Some(request)).await?.success().map(drop)
}

pub async fn sessions() -> Result<Vec<SessionInfo>, Failure> {
    let answer: SessionsResponse = call(Method::GET, routes::SESSIONS, None::<&()>).await?.decode()?;
    Ok(answer.sessions)
}

/// Ends the session of this id, or all but the present one.
pub async fn end_sessions(id: Option<&str>) -> Result<(), Failure> {
    let path = id.map_or(routes::SESSIONS.to_owned(), |id| format!("{}/{id}", routes::SESSIONS));
    call(Method::DELETE, &path, None::<&()>).await?.success().map(drop)
}

struct Answer {
    status: u16,
    body: String,
}

impl Answer {
    fn success(self) -> Result<String, Failure> {
        if (200..300).contains(&self.status) {
            return Ok(self.body);
        }
        Err(serde_json::from_str(&self.body).map_or(Failure::NoAnswer, Failure::Refused))
    }

    fn decode<T: DeserializeOwned>(self) -> Result<T, Failure> {
        serde_json::from_str(&self.success()?).map_err(|_| Failure::NoAnswer)
    }
}

async fn call<B: Serialize>(method: Method, path: &str, body: Option<&B>) -> Result<Answer, Failure> {
    let limit = AbortSignal::timeout_with_u32(LIMIT_MS);
    let request = RequestBuilder::new(&browser::address(path))
        .method(method)
        .header("Accept", "application/json")
        .abort_signal(Some(&limit));
    let request = match body {
        Some(body) => request.json(body),
        None => request.build(),
    };
    let answer = async {
        let response = request?.send().await?;
        let status = response.status();
        Ok::<_, gloo_net::Error>(Answer { status, body: response.text().await? })
    };
    answer.await.map_err(|_| Failure::NoAnswer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Answer {
        Answer { status, body: body.into() }
    }

    const USER: &str = r#"{"id":"ada","email":"ada@example.com","name":"Ada"}"#;

    #[test]
    fn a_success_is_decoded() {
        let user: SessionResponse = answer(200, USER).decode().unwrap();
        assert_eq!(user.name, "Ada");
    }

    #[test]
    fn a_success_without_a_body_is_enough_where_none_is_expected() {
        assert!(answer(204, "").success().is_ok());
    }

    #[test]
    fn a_refusal_keeps_the_servers_code_and_wait() {
        let body = r#"{"code":"too_many_attempts","message":"m","requestId":"r","retryAfterSeconds":42}"#;
        let failure = answer(429, body).decode::<LoginResponse>().unwrap_err();
        assert_eq!(failure.code(), Some(ErrorCode::TooManyAttempts));
        assert_eq!(failure.retry_after_seconds(), Some(42));
        assert!(!failure.is_signed_out());
    }

    #[test]
    fn only_the_servers_own_word_means_signed_out() {
        let body = r#"{"code":"not_signed_in","message":"m","requestId":"r"}"#;
        assert!(answer(401, body).decode::<SessionResponse>().unwrap_err().is_signed_out());
        let proxy =
            answer(401, "<h1>401 Authorization Required</h1>").decode::<SessionResponse>().unwrap_err();
        assert_eq!(proxy, Failure::NoAnswer);
    }

    #[test]
    fn an_answer_that_is_not_the_servers_is_no_answer() {
        for (status, body) in
            [(200, "<!doctype html>"), (200, "{}"), (502, "Bad Gateway"), (500, "{\"error\":1}")]
        {
            assert_eq!(answer(status, body).decode::<SessionResponse>(), Err(Failure::NoAnswer));
        }
    }
}
