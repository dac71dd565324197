//! The session cookie and the device cookie. The device cookie outlives the session and marks a browser in
//! which the user has logged in before (see [`crate::throttle::device_cookie`]).
//!
//! Browsers enforce the prefixes of the names (RFC 6265bis, 4.1.3): with `__Host-` a cookie must be `Secure`, for
//! the path `/` and without a domain; with `__Secure-`, which is for a server with a base path, it must be
//! `Secure`.

use crate::sessions::{Lifetime, Token};
use actix_web::HttpRequest;
use actix_web::cookie::{Cookie, SameSite, time::Duration};
use url::Url;

/// The names and attributes of the cookies.
pub struct CookiePolicy {
    session_name: &'static str,
    device_name: &'static str,
    path: String,
    secure: bool,
    max_age: Duration,
}

/// The longest lifetime that browsers permit (RFC 6265bis, 5.5).
const DEVICE_MAX_AGE: Duration = Duration::days(400);

impl CookiePolicy {
    pub fn new(public_url: &Url, lifetime: Lifetime) -> Self {
        let secure = public_url.scheme() == "https";
        let (session_name, device_name) = match (secure, public_url.path()) {
            (false, _) => ("cometchat-auth", "cometchat-auth-device"),
            (true, "/") => ("__Host-cometchat-auth", "__Host-cometchat-auth-device"),
            (true, _) => ("__Secure-cometchat-auth", "__Secure-cometchat-auth-device"),
        };
        Self {
            session_name,
            device_name,
            path: public_url.path().to_owned(),
            secure,
            max_age: Duration::seconds(lifetime.max),
        }
    }

    pub fn session_name(&self) -> &'static str {
        self.session_name
    }

    /// Returns the cookie with a session token.
    pub fn session_cookie(&self, token: &Token) -> Cookie<'static> {
        self.cookie(self.session_name, token.expose().to_owned(), self.max_age)
    }

    /// Returns the device cookie with this value.
    pub fn device_cookie(&self, value: String) -> Cookie<'static> {
        self.cookie(self.device_name, value, DEVICE_MAX_AGE)
    }

    /// Returns a cookie that deletes the session cookie in the browser.
    pub fn expired_session_cookie(&self) -> Cookie<'static> {
        self.cookie(self.session_name, String::new(), Duration::ZERO)
    }

    fn cookie(&self, name: &'static str, value: String, max_age: Duration) -> Cookie<'static> {
        Cookie::build(name, value)
            .path(self.path.clone())
            .http_only(true)
            .secure(self.secure)
            .same_site(SameSite::Lax)
            .max_age(max_age)
            .finish()
    }

    /// Returns the session token of the request. A malformed token is treated like a missing one.
    pub fn token_of(&self, request: &HttpRequest) -> Option<Token> {
        Token::parse(request.cookie(self.session_name)?.value())
    }

    /// Returns the value of the request's device cookie, unverified.
    pub fn device_of(&self, request: &HttpRequest) -> Option<String> {
        Some(request.cookie(self.device_name)?.value().to_owned())
    }
}
