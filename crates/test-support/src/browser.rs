//! An HTTP client with the cookies of a browser, and a method for each route.

use crate::canary;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use shared::{ApiError, ErrorCode, LoginResponse, routes};

/// An HTTP client that stores the cookies of the server.
pub struct Browser {
    http: reqwest::Client,
    pub url: String,
    /// The session: `name=value`.
    pub cookie: Option<String>,
    /// The device cookie: `name=value`.
    pub device: Option<String>,
}

impl Browser {
    pub fn new(http: reqwest::Client, url: String) -> Self {
        Self { http, url, cookie: None, device: None }
    }

    /// Returns a request with the stored cookies and no other headers.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.url));
        let cookies: Vec<_> =
            [&self.cookie, &self.device].into_iter().flatten().map(String::as_str).collect();
        if cookies.is_empty() { request } else { request.header("cookie", cookies.join("; ")) }
    }

    /// Returns the status and the JSON of the response, or `None` if the response is missing or incomplete.
    pub async fn call(&mut self, method: Method, path: &str, body: Value) -> Option<(StatusCode, Value)> {
        canary::secrets_of(&body);
        let response = self.request(method, path).json(&body).send().await.ok()?;
        self.keep(&response);
        let status = response.status();
        let body = response.bytes().await.ok()?;
        Some((status, serde_json::from_slice(&body).unwrap_or_default()))
    }

    pub async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.unwrap()
    }

    pub async fn put(&self, path: &str, body: Value) -> Response {
        canary::secrets_of(&body);
        self.request(Method::PUT, path).json(&body).send().await.unwrap()
    }

    pub async fn delete(&self, path: &str, body: Value) -> Response {
        canary::secrets_of(&body);
        self.request(Method::DELETE, path).json(&body).send().await.unwrap()
    }

    /// Stores the cookies that the response sets.
    pub fn keep(&mut self, response: &Response) {
        for cookie in response.headers().get_all("set-cookie") {
            let cookie = cookie.to_str().unwrap().split(';').next().unwrap().to_owned();
            canary::secret(cookie.split_once('=').unwrap().1);
            let is_device = cookie.split('=').next().unwrap().ends_with("-device");
            *(if is_device { &mut self.device } else { &mut self.cookie }) = Some(cookie);
        }
    }

    pub async fn register(&mut self, email: &str, password: &str, name: &str) -> Response {
        let body = json!({"email": email, "password": password, "name": name});
        let response = self.post(routes::REGISTER, body).await;
        self.keep(&response);
        response
    }

    pub async fn post(&self, path: &str, body: Value) -> Response {
        canary::secrets_of(&body);
        self.request(Method::POST, path).json(&body).send().await.unwrap()
    }

    pub async fn login(&mut self, email: &str, password: &str) -> Response {
        let response = self.post(routes::LOGIN, json!({"email": email, "password": password})).await;
        self.keep(&response);
        response
    }

    /// A login that must go well.
    pub async fn sign_in(&mut self, email: &str, password: &str) -> LoginResponse {
        let response = self.login(email, password).await;
        assert_eq!(response.status(), StatusCode::OK, "{:?}", response.text().await);
        response.json().await.unwrap()
    }

    pub async fn session(&self) -> Response {
        self.get(routes::SESSION).await
    }

    pub async fn is_signed_in(&self) -> bool {
        match self.session().await.status() {
            StatusCode::OK => true,
            StatusCode::UNAUTHORIZED => false,
            status => panic!("{status}"),
        }
    }

    pub async fn chat_token(&self, renew: bool) -> Response {
        self.post(routes::CHAT_TOKEN, json!({"renew": renew})).await
    }

    pub async fn logout(&self) -> Response {
        self.request(Method::POST, routes::LOGOUT).send().await.unwrap()
    }
}

/// Asserts that this is the failure that it should be, in the one shape that failures have.
pub async fn failure(response: Response, code: ErrorCode) -> ApiError {
    let status = response.status().as_u16();
    let id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
    let retry_after = response.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned());
    let text = response.text().await.unwrap();
    canary::response(&text);
    let error: ApiError = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{status}: {text}"));
    assert_eq!((error.code, status), (code, code.status()), "{text}");
    assert_eq!(error.request_id, id);
    assert_eq!(error.retry_after_seconds.map(|seconds| seconds.to_string()), retry_after);
    error
}
