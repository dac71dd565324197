//! What the first program hands over to the second: who has come in.

use serde::{Deserialize, Serialize};
use shared::{LoginResponse, Secret, SessionResponse};

/// Somebody who is signed in to the app.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    pub user: SessionResponse,
    /// The token for CometChat, where signing in has just brought one.
    pub chat_token: Option<Secret>,
    /// They come from a form, so that what is shown next is a change that has to be told.
    pub from_form: bool,
}

impl From<SessionResponse> for Entry {
    /// Of somebody whom the server knows already.
    fn from(user: SessionResponse) -> Self {
        Self { user, chat_token: None, from_form: false }
    }
}

impl From<LoginResponse> for Entry {
    fn from(answer: LoginResponse) -> Self {
        let LoginResponse { id, email, name, cometchat_auth_token } = answer;
        Self { user: SessionResponse { id, email, name }, chat_token: cometchat_auth_token, from_form: true }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_from_the_form_brings_their_token_over() {
        let answer = LoginResponse {
            id: "ada".into(),
            email: "ada@example.com".into(),
            name: "Ada".into(),
            cometchat_auth_token: Some(Secret::new("t")),
        };
        let entry = Entry::from(answer);
        let received: Entry = serde_json::from_str(&serde_json::to_string(&entry).unwrap()).unwrap();
        assert_eq!(received, entry);
        assert_eq!(received.chat_token, Some(Secret::new("t")));
        assert!(received.from_form);
    }
}
