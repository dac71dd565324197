//! Paths of the API, from the root of the site.

/// What every path of the API starts with; everything else is the page.
pub const API: &str = "/api";

pub const LOGIN: &str = "/api/login";
pub const LOGOUT: &str = "/api/logout";
/// For an app that signs its users in itself.
pub const HANDOVER: &str = "/api/handover";
pub const SESSION: &str = "/api/session";
pub const CHAT_TOKEN: &str = "/api/session/chat-token";
pub const REGISTER: &str = "/api/register";
/// The user's sessions; `/{id}` after it is one of them.
pub const SESSIONS: &str = "/api/sessions";
pub const ACCOUNT: &str = "/api/account";
pub const PASSWORD: &str = "/api/account/password";
pub const CONFIG: &str = "/api/config";
/// The description of all this, for programs and for people.
pub const OPENAPI: &str = "/api/openapi.json";
pub const API_DOCS: &str = "/api/docs";

pub const HEALTHZ: &str = "/healthz";
pub const READYZ: &str = "/readyz";

/// What a path of the page leads to, as far as it matters before somebody is signed in: the server sends the form for it
/// with the page, and the page takes it up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// To a page of somebody who is signed in; the address stays, and is where they are once they have done so.
    SignIn,
    Register,
    Nowhere,
}

impl Way {
    /// Of this path, from the root of the site.
    pub fn of(path: &str) -> Self {
        let mut parts = path.trim_matches('/').split('/');
        match (parts.next(), parts.next(), parts.next()) {
            (Some("" | "chat" | "account"), None, _) | (Some("chat"), Some(_), None) => Self::SignIn,
            (Some("register"), None, _) => Self::Register,
            _ => Self::Nowhere,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Way;

    #[test]
    fn every_page_of_somebody_who_is_signed_in_leads_to_the_form() {
        for path in ["/", "", "/chat", "/chat/", "/chat/some-body", "/account"] {
            assert_eq!(Way::of(path), Way::SignIn, "{path}");
        }
        assert_eq!(Way::of("/register"), Way::Register);
        for path in ["/no/such/page", "/chat/a/b", "/register/x", "/account/x"] {
            assert_eq!(Way::of(path), Way::Nowhere, "{path}");
        }
    }
}
