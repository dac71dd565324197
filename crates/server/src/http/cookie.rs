//! The two cookies: their names, their attributes, and reading them back. One holds the session; the other
//! outlives it and says only that this browser is known (see [`crate::throttle::device`]).
//!
//! The prefix of their names is a promise that browsers hold us to (RFC 6265bis, 4.1.3): `__Host-` that a cookie
//! comes from this very host, secure and for the whole of it; `__Secure-`, where the server has but a part of the
//! host, that it is secure.

use crate::sessions::{Lifetime, Token};
use actix_web::HttpRequest;
use actix_web::cookie::{Cookie, SameSite, time::Duration};
use url::Url;

/// How cookies are set here.
pub struct CookiePolicy {
    session_name: &'static str,
    device_name: &'static str,
    path: String,
    secure: bool,
    max_age: Duration,
}

/// As long as browsers keep any cookie (RFC 6265bis, 5.5).
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

    /// The cookie that holds this session.
    pub fn session_cookie(&self, token: &Token) -> Cookie<'static> {
        self.cookie(self.session_name, token.expose().to_owned(), self.max_age)
    }

    /// The cookie that says that this browser is known.
    pub fn device_cookie(&self, value: String) -> Cookie<'static> {
        self.cookie(self.device_name, value, DEVICE_MAX_AGE)
    }

    /// The cookie that makes the browser forget its session.
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

    /// The session token that the request brings; a cookie of garbage is as good as none.
    pub fn token_of(&self, request: &HttpRequest) -> Option<Token> {
        Token::parse(request.cookie(self.session_name)?.value())
    }

    /// What the request brings to say that its browser is known.
    pub fn device_of(&self, request: &HttpRequest) -> Option<String> {
        Some(request.cookie(self.device_name)?.value().to_owned())
    }
}
