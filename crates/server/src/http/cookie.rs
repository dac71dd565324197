//! The session cookie and the device cookie. The device cookie outlives the session and marks a browser in
//! which the user has logged in before (see [`crate::throttle::device_cookie`]).
//!
//! Browsers enforce the prefixes of the names (RFC 6265bis, 4.1.3): with `__Host-` a cookie must be `Secure`, for
//! the path `/` and without a domain; with `__Secure-`, which is for a server with a base path, it must be
//! `Secure`.
//!
//! Browsers send a cookie to all ports of its host. The names contain the port, so that two instances on one host do
//! not overwrite each other's cookies.

use crate::sessions::{Lifetime, Token};
use actix_web::HttpRequest;
use actix_web::cookie::{Cookie, SameSite, time::Duration};
use url::Url;

/// The names and attributes of the cookies.
pub struct CookiePolicy {
    session_name: String,
    device_name: String,
    path: String,
    secure: bool,
    max_age: Duration,
}

/// The longest lifetime that browsers permit (RFC 6265bis, 5.5).
const DEVICE_MAX_AGE: Duration = Duration::days(400);

impl CookiePolicy {
    pub fn new(public_url: &Url, lifetime: Lifetime) -> Self {
        let secure = public_url.scheme() == "https";
        let prefix = match (secure, public_url.path()) {
            (false, _) => "",
            (true, "/") => "__Host-",
            (true, _) => "__Secure-",
        };
        // `None` for the default port of the scheme.
        let port = public_url.port().map_or(String::new(), |port| format!("-{port}"));
        let session_name = format!("{prefix}cometchat-auth{port}");
        Self {
            device_name: format!("{session_name}-device"),
            session_name,
            path: public_url.path().to_owned(),
            secure,
            max_age: Duration::seconds(lifetime.max),
        }
    }

    pub fn session_name(&self) -> &str {
        &self.session_name
    }

    /// Returns the cookie with a session token.
    pub fn session_cookie(&self, token: &Token) -> Cookie<'static> {
        self.cookie(&self.session_name, token.expose().to_owned(), self.max_age)
    }

    /// Returns the device cookie with this value.
    pub fn device_cookie(&self, value: String) -> Cookie<'static> {
        self.cookie(&self.device_name, value, DEVICE_MAX_AGE)
    }

    /// Returns a cookie that deletes the session cookie in the browser.
    pub fn expired_session_cookie(&self) -> Cookie<'static> {
        self.cookie(&self.session_name, String::new(), Duration::ZERO)
    }

    fn cookie(&self, name: &str, value: String, max_age: Duration) -> Cookie<'static> {
        Cookie::build(name.to_owned(), value)
            .path(self.path.clone())
            .http_only(true)
            .secure(self.secure)
            .same_site(SameSite::Lax)
            .max_age(max_age)
            .finish()
    }

    /// Returns the session token of the request. A malformed token is treated like a missing one.
    pub fn token_of(&self, request: &HttpRequest) -> Option<Token> {
        Token::parse(request.cookie(&self.session_name)?.value())
    }

    /// Returns the value of the request's device cookie, unverified.
    pub fn device_of(&self, request: &HttpRequest) -> Option<String> {
        Some(request.cookie(&self.device_name)?.value().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookie_names_differ_by_scheme_path_and_port() {
        for (url, name) in [
            ("http://localhost", "cometchat-auth"),
            ("http://localhost:3000", "cometchat-auth-3000"),
            ("http://localhost:3001/chat", "cometchat-auth-3001"),
            ("https://example.com", "__Host-cometchat-auth"),
            ("https://example.com:443", "__Host-cometchat-auth"),
            ("https://example.com:8443", "__Host-cometchat-auth-8443"),
            ("https://example.com/chat", "__Secure-cometchat-auth"),
            ("https://example.com:8443/chat", "__Secure-cometchat-auth-8443"),
        ] {
            let policy = CookiePolicy::new(&Url::parse(url).unwrap(), Lifetime { idle: 60, max: 60 });
            assert_eq!(policy.session_name(), name, "{url}");
            assert_eq!(policy.expired_session_cookie().name(), name, "{url}");
            assert_eq!(policy.device_cookie("1".into()).name(), format!("{name}-device"), "{url}");
        }
    }
}
