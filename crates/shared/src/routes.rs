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
