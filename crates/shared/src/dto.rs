//! Request and response bodies. A request with an unknown field is rejected, so that a misspelt field is not
//! ignored; clients must ignore unknown fields of responses.

use crate::{FieldErrors, Secret, validation};
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
    /// Returns the errors by field. Without errors the server checks the credentials.
    pub fn validate(&self) -> FieldErrors {
        let mut errors = FieldErrors::new();
        validation::check_email(self.email.trim(), &mut errors);
        validation::check_password_input("password", self.password.expose(), &mut errors);
        errors
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
    /// The name that other users see.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 100))]
    pub name: String,
}

impl RegisterRequest {
    /// Returns the errors by field. `min_chars` is [`ClientConfig::password_min_length`]. Only the server
    /// checks whether the password is easy to guess.
    pub fn validate(&self, min_chars: usize) -> FieldErrors {
        let mut errors = FieldErrors::new();
        validation::check_name(self.name.trim(), &mut errors);
        validation::check_email(self.email.trim(), &mut errors);
        validation::check_new_password("password", self.password.expose(), min_chars, &mut errors);
        errors
    }
}

/// The response to a login. The session is in a cookie that scripts cannot read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct LoginResponse {
    /// The user's id, which is the uid at CometChat.
    pub id: String,
    pub email: String,
    pub name: String,
    /// The auth token for CometChat's SDK. `null` if CometChat could not be reached: the user is signed in
    /// anyway, and `POST /api/session/chat-token` returns a token later.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub cometchat_auth_token: Option<Secret>,
}

/// `POST /api/login/assertion`: logs in a user that another server has authenticated.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AssertionRequest {
    /// A JWT signed with HS256 and `ASSERTION_KEY`. Its `aud` is `cometchat-auth`, and it has the claims `sub`,
    /// `email`, `name`, `iat`, `exp` and `jti`.
    #[cfg_attr(feature = "openapi", schema(value_type = String, min_length = 1))]
    pub assertion: Secret,
}

/// `GET /api/session`: the signed-in user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct UserResponse {
    pub id: String,
    pub email: String,
    pub name: String,
}

/// `PUT /api/account`: changes the name.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UpdateAccountRequest {
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 100))]
    pub name: String,
}

impl UpdateAccountRequest {
    pub fn validate(&self) -> FieldErrors {
        let mut errors = FieldErrors::new();
        validation::check_name(self.name.trim(), &mut errors);
        errors
    }
}

/// `PUT /api/account/password`: changes the password, replaces the session with a new cookie, and ends all
/// other sessions of the user.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangePasswordRequest {
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Password, min_length = 1, max_length = 1024))]
    pub current_password: Secret,
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Password, min_length = 8, max_length = 128))]
    pub new_password: Secret,
}

impl ChangePasswordRequest {
    /// Returns the errors by field, as [`RegisterRequest::validate`].
    pub fn validate(&self, min_chars: usize) -> FieldErrors {
        let mut errors = FieldErrors::new();
        validation::check_password_input("currentPassword", self.current_password.expose(), &mut errors);
        validation::check_new_password("newPassword", self.new_password.expose(), min_chars, &mut errors);
        errors
    }
}

/// `DELETE /api/account`: deletes the account, here and at CometChat.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeleteAccountRequest {
    /// Required, so that an unattended browser is not enough to delete the account.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Password, min_length = 1, max_length = 1024))]
    pub password: Secret,
}

impl DeleteAccountRequest {
    pub fn validate(&self) -> FieldErrors {
        let mut errors = FieldErrors::new();
        validation::check_password_input("password", self.password.expose(), &mut errors);
        errors
    }
}

/// `GET /api/sessions`: the sessions of the user, the most recently used first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SessionsResponse {
    pub sessions: Vec<SessionInfo>,
}

/// A session, as the user sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SessionInfo {
    /// Identifies the session in `DELETE /api/sessions/{id}`. It is not the session token.
    pub id: String,
    /// Browser and system, like "Firefox on Windows".
    pub device: String,
    /// The IP address of the login.
    pub address: String,
    /// Unix seconds.
    pub created_at: i64,
    /// Unix seconds, precise to about a minute.
    pub last_seen_at: i64,
    /// Whether the request belongs to this session.
    pub current: bool,
}

/// `POST /api/session/chat-token`
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChatTokenRequest {
    /// Revokes the session's present token and creates another, for a client whose token CometChat rejects.
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

/// `GET /api/config`: public settings for the web app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ClientConfig {
    /// CometChat's app id.
    pub app_id: String,
    /// CometChat's region: `us`, `eu` or `in`.
    pub region: String,
    /// The minimum length of a new password in code points.
    pub password_min_length: usize,
    /// The URL of CometChat's emulator, `http://host:port`, if one is in use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emulator_url: Option<String>,
}
