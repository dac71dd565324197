//! Requests and answers. A request refuses fields it does not know, so that a misspelt one is told
//! and not ignored; an answer may grow.

use crate::{Fields, Secret, limits};
use serde::{Deserialize, Serialize};

/// `POST /api/login`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LoginRequest {
    #[cfg_attr(feature = "openapi", schema(min_length = 3, max_length = 254))]
    pub email: String,
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Password, min_length = 1, max_length = 1024))]
    pub password: Secret,
}

impl LoginRequest {
    /// What is wrong with what was typed, by field; empty when the server would look at it.
    pub fn faults(&self) -> Fields {
        let mut faults = Fields::new();
        limits::check_email(self.email.trim(), &mut faults);
        limits::check_password_input("password", self.password.expose(), &mut faults);
        faults
    }
}

/// `POST /api/register`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RegisterRequest {
    #[cfg_attr(feature = "openapi", schema(min_length = 3, max_length = 254))]
    pub email: String,
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Password, min_length = 8, max_length = 128))]
    pub password: Secret,
    /// What others see.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 100))]
    pub name: String,
}

impl RegisterRequest {
    /// What is wrong with what was typed, by field. `min_chars` is [`ClientConfig::password_min_length`].
    /// Whether the password can be guessed only the server finds out.
    pub fn faults(&self, min_chars: usize) -> Fields {
        let mut faults = Fields::new();
        limits::check_name(self.name.trim(), &mut faults);
        limits::check_email(self.email.trim(), &mut faults);
        limits::check_new_password("password", self.password.expose(), min_chars, &mut faults);
        faults
    }
}

/// The answer to a sign-in. The session itself is in a cookie that no script can read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct LoginResponse {
    /// The user's id, here and at CometChat.
    pub id: String,
    pub email: String,
    pub name: String,
    /// For CometChat's SDK. `null` when CometChat could not be reached: the user is signed in to
    /// the app all the same, and `POST /api/session/chat-token` gets the token later.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub cometchat_auth_token: Option<Secret>,
}

/// `POST /api/handover`: another server's word for who this is.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HandoverRequest {
    /// A JWT signed with `HANDOVER_KEY`: HS256, `aud` is `cometchat-auth`, and `sub`, `email`, `name`, `iat`, `exp` and
    /// `jti` are there.
    #[cfg_attr(feature = "openapi", schema(value_type = String, min_length = 1))]
    pub assertion: Secret,
}

/// `GET /api/session`: who is signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SessionResponse {
    pub id: String,
    pub email: String,
    pub name: String,
}

/// `PUT /api/account`: another name.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RenameRequest {
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 100))]
    pub name: String,
}

impl RenameRequest {
    pub fn faults(&self) -> Fields {
        let mut faults = Fields::new();
        limits::check_name(self.name.trim(), &mut faults);
        faults
    }
}

/// `PUT /api/account/password`: replaces the session, with a new cookie, and ends every other one of the user.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PasswordRequest {
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Password, min_length = 1, max_length = 1024))]
    pub current_password: Secret,
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Password, min_length = 8, max_length = 128))]
    pub new_password: Secret,
}

impl PasswordRequest {
    /// As [`RegisterRequest::faults`].
    pub fn faults(&self, min_chars: usize) -> Fields {
        let mut faults = Fields::new();
        limits::check_password_input("currentPassword", self.current_password.expose(), &mut faults);
        limits::check_new_password("newPassword", self.new_password.expose(), min_chars, &mut faults);
        faults
    }
}

/// `DELETE /api/account`: the account is gone for good, here and at CometChat.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeleteAccountRequest {
    /// Asked again, so that a browser left alone for a moment cannot do this.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Password, min_length = 1, max_length = 1024))]
    pub password: Secret,
}

impl DeleteAccountRequest {
    pub fn faults(&self) -> Fields {
        let mut faults = Fields::new();
        limits::check_password_input("password", self.password.expose(), &mut faults);
        faults
    }
}

/// `GET /api/sessions`: where the user is signed in, the latest seen first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SessionsResponse {
    pub sessions: Vec<SessionInfo>,
}

/// One place where the user is signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SessionInfo {
    /// Names the session in `DELETE /api/sessions/{id}`; opens nothing.
    pub id: String,
    /// In words, like "Firefox on Windows".
    pub device: String,
    /// The address it was signed in from.
    pub address: String,
    /// Unix seconds.
    pub created_at: i64,
    /// Unix seconds, to about a minute.
    pub last_seen_at: i64,
    /// The one that asks.
    pub current: bool,
}

/// `POST /api/session/chat-token`
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChatTokenRequest {
    /// A new token in place of the session's present one, which is revoked: for a page whose token
    /// CometChat no longer takes.
    #[serde(default)]
    pub renew: bool,
}

/// The session's CometChat token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ChatTokenResponse {
    pub cometchat_auth_token: Secret,
}

/// `GET /api/config`: what the page must know before anybody has signed in. Nothing in it is secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ClientConfig {
    /// CometChat's app id.
    pub app_id: String,
    /// CometChat's region: `us`, `eu` or `in`.
    pub region: String,
    /// Code points that a new password needs.
    pub password_min_length: usize,
    /// `http://host:port` of the emulator that stands in for CometChat, when one is in use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emulator_url: Option<String>,
}
