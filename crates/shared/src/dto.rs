//! Requests and answers. A request refuses fields it does not know, so that a misspelt one is told
//! and not ignored; an answer may grow.

use crate::{Fields, Secret, limits};
use serde::{Deserialize, Serialize};

/// `POST /api/login`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LoginRequest {
    pub email: String,
    pub password: Secret,
}

impl LoginRequest {
    /// What is wrong with what was typed, by field; empty when the server would look at it.
    pub fn faults(&self) -> Fields {
        let mut faults = Fields::new();
        limits::check_email(self.email.trim(), &mut faults);
        limits::check_password_input(self.password.expose(), &mut faults);
        faults
    }
}

/// The answer to a sign-in. The session itself is in a cookie that no script can read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LoginResponse {
    /// The user's id, here and at CometChat.
    pub id: String,
    pub email: String,
    pub name: String,
    /// For CometChat's SDK. `null` when CometChat could not be reached: the user is signed in to
    /// the app all the same, and `POST /api/session/chat-token` gets the token later.
    pub cometchat_auth_token: Option<Secret>,
}

/// `GET /api/session`: who is signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionResponse {
    pub id: String,
    pub email: String,
    pub name: String,
}

/// `POST /api/session/chat-token`
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChatTokenRequest {
    /// A new token in place of the session's present one, which is revoked: for a page whose token
    /// CometChat no longer takes.
    #[serde(default)]
    pub renew: bool,
}

/// The session's CometChat token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChatTokenResponse {
    pub cometchat_auth_token: Secret,
}

/// `GET /api/config`: what the page must know before anybody has signed in. Nothing in it is secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientConfig {
    /// CometChat's app id.
    pub app_id: String,
    /// CometChat's region: `us`, `eu` or `in`.
    pub region: String,
    /// `http://host:port` of the emulator that stands in for CometChat, when one is in use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emulator_url: Option<String>,
}
