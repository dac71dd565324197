//! The data that the `auth` program passes to the `app` program.

use serde::{Deserialize, Serialize};
use shared::{LoginResponse, Secret, UserResponse};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SignedInUser {
    pub user: UserResponse,
    /// The CometChat token, if the login has just returned one.
    pub chat_token: Option<Secret>,
    /// Whether the user comes from a form, so that the next page is a change to announce.
    pub from_form: bool,
}

impl From<UserResponse> for SignedInUser {
    /// A user whose session exists already.
    fn from(user: UserResponse) -> Self {
        Self { user, chat_token: None, from_form: false }
    }
}

impl From<LoginResponse> for SignedInUser {
    fn from(response: LoginResponse) -> Self {
        let LoginResponse { id, email, name, cometchat_auth_token } = response;
        Self { user: UserResponse { id, email, name }, chat_token: cometchat_auth_token, from_form: true }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn login_response_keeps_its_token_through_json() {
        let user = SignedInUser::from(LoginResponse {
            id: "ada".into(),
            email: "ada@example.com".into(),
            name: "Ada".into(),
            cometchat_auth_token: Some(Secret::new("t")),
        });
        let received: SignedInUser = serde_json::from_str(&serde_json::to_string(&user).unwrap()).unwrap();
        assert_eq!(received, user);
        assert_eq!(received.chat_token, Some(Secret::new("t")));
        assert!(received.from_form);
    }
}
