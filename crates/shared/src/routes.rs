//! The paths of the API and of the pages, without the base path.

/// The prefix of the API. All other paths are pages.
pub const API: &str = "/api";

pub const LOGIN: &str = "/api/login";
pub const LOGOUT: &str = "/api/logout";
/// The login for apps that have a login of their own.
pub const LOGIN_ASSERTION: &str = "/api/login/assertion";
pub const SESSION: &str = "/api/session";
pub const CHAT_TOKEN: &str = "/api/session/chat-token";
pub const REGISTER: &str = "/api/register";
/// The user's sessions.
pub const SESSIONS: &str = "/api/sessions";
/// One of the user's sessions.
pub const SESSION_BY_ID: &str = "/api/sessions/{id}";
pub const ACCOUNT: &str = "/api/account";
pub const PASSWORD: &str = "/api/account/password";
pub const CONFIG: &str = "/api/config";
/// The API description for programs.
pub const OPENAPI: &str = "/api/openapi.json";
/// The API description as a page.
pub const API_DOCS: &str = "/api/docs";

pub const HEALTHZ: &str = "/healthz";
pub const READYZ: &str = "/readyz";

/// The page that a signed-out user sees at a path. The server sends its prerendered form, and the program
/// renders the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LandingPage {
    /// A page for signed-in users shows the login form, and appears at the same address after the login.
    Login,
    Register,
    NotFound,
}

impl LandingPage {
    /// Returns the page for a path without the base path.
    pub fn for_path(path: &str) -> Self {
        let mut parts = path.trim_matches('/').split('/');
        match (parts.next(), parts.next(), parts.next()) {
            (Some("" | "chat" | "account"), None, _) | (Some("chat"), Some(_), None) => Self::Login,
            (Some("register"), None, _) => Self::Register,
            _ => Self::NotFound,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::LandingPage;

    #[test]
    fn pages_for_signed_in_users_show_the_login_form() {
        for path in ["/", "", "/chat", "/chat/", "/chat/ada", "/account"] {
            assert_eq!(LandingPage::for_path(path), LandingPage::Login, "{path}");
        }
        assert_eq!(LandingPage::for_path("/register"), LandingPage::Register);
        for path in ["/no/such/page", "/chat/a/b", "/register/x", "/account/x"] {
            assert_eq!(LandingPage::for_path(path), LandingPage::NotFound, "{path}");
        }
    }
}
