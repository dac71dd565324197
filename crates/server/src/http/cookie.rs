//! The session cookie: its name, its attributes, and reading it back.

use crate::sessions::{Lifetime, Token};
use actix_web::HttpRequest;
use actix_web::cookie::{Cookie, SameSite, time::Duration};
use url::Url;

/// How cookies are set here. Over https the name begins with `__Host-`: browsers then take it only from
/// this very host, secure and for the whole of it (RFC 6265bis, 4.1.3).
pub struct Policy {
    name: &'static str,
    secure: bool,
    max_age: Duration,
}

impl Policy {
    pub fn new(public_url: &Url, lifetime: Lifetime) -> Self {
        let secure = public_url.scheme() == "https";
        let name = if secure { "__Host-cometchat-auth" } else { "cometchat-auth" };
        Self { name, secure, max_age: Duration::seconds(lifetime.max) }
    }

    /// The cookie that holds this session.
    pub fn holding(&self, token: &Token) -> Cookie<'static> {
        self.cookie(token.expose().to_owned(), self.max_age)
    }

    /// The cookie that makes the browser forget its session.
    pub fn clearing(&self) -> Cookie<'static> {
        self.cookie(String::new(), Duration::ZERO)
    }

    fn cookie(&self, value: String, max_age: Duration) -> Cookie<'static> {
        Cookie::build(self.name, value)
            .path("/")
            .http_only(true)
            .secure(self.secure)
            .same_site(SameSite::Lax)
            .max_age(max_age)
            .finish()
    }

    /// The session token that the request brings; a cookie of garbage is as good as none.
    pub fn token_of(&self, request: &HttpRequest) -> Option<Token> {
        Token::parse(request.cookie(self.name)?.value())
    }
}
