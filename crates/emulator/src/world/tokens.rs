//! Auth tokens: minting, looking up, revoking. A token carries the key of the socket (the JWT of the
//! cloud, opaque to the SDK), which is good as long as the token is.

use super::World;
use crate::errors::Failure;
use serde_json::{Value, json};

/// Active at once; one more, and the oldest is invalidated.
const MOST_TOKENS: usize = 100;

#[derive(Debug, Clone)]
pub struct Token {
    pub secret: String,
    pub uid: String,
    pub jwt: String,
    pub created_at: u64,
    pub device: Device,
}

/// What the device that uses a token told of itself.
#[derive(Debug, Clone, Default)]
pub struct Device {
    pub platform: Option<String>,
    pub user_agent: Option<String>,
    pub app_info: Option<Value>,
}

impl Token {
    pub fn view(&self) -> Value {
        let mut view = json!({ "uid": self.uid, "authToken": self.secret, "createdAt": self.created_at });
        for (name, value) in [
            ("platform", self.device.platform.as_ref().map(|platform| json!(platform))),
            ("userAgent", self.device.user_agent.as_ref().map(|agent| json!(agent))),
            ("appInfo", self.device.app_info.clone()),
        ] {
            if let (Some(value), Some(view)) = (value, view.as_object_mut()) {
                view.insert(name.into(), value);
            }
        }
        view
    }
}

/// 30 hex digits.
fn random_hex() -> String {
    format!("{:030x}", rand::random::<u128>() >> 8)
}

impl World {
    /// Without `force`, a user who has a token is handed the newest one again.
    pub fn mint(&mut self, uid: &str, force: bool) -> Result<Token, Failure> {
        let uid = self.user(uid)?.uid.clone();
        if !force && let Some(token) = self.tokens_of(&uid).last() {
            return Ok(token.clone());
        }
        let now = self.now();
        let token = Token {
            secret: format!("{uid}_{now:010}{}", random_hex()),
            uid: uid.clone(),
            jwt: format!("{}{}", random_hex(), random_hex()),
            created_at: now,
            device: Device::default(),
        };
        self.tokens.push(token.clone());
        let mut active = self.tokens_of(&uid);
        let oldest =
            active.next().filter(|_| active.count() >= MOST_TOKENS).map(|token| token.secret.clone());
        if let Some(oldest) = oldest {
            self.revoke(&oldest)?;
        }
        Ok(token)
    }

    /// Oldest first.
    pub fn tokens_of(&self, uid: &str) -> impl DoubleEndedIterator<Item = &Token> {
        self.tokens.iter().filter(move |token| token.uid == uid)
    }

    pub fn token(&self, secret: &str) -> Result<&Token, Failure> {
        let token = self.tokens.iter().find(|token| token.secret == secret);
        token.ok_or_else(|| Failure::TokenNotFound(secret.into()))
    }

    pub fn token_of_jwt(&self, jwt: &str) -> Option<&Token> {
        self.tokens.iter().find(|token| token.jwt == jwt)
    }

    pub fn set_device(&mut self, secret: &str, device: Device) -> Result<Token, Failure> {
        let token = self.tokens.iter_mut().find(|token| token.secret == secret);
        let token = token.ok_or_else(|| Failure::TokenNotFound(secret.into()))?;
        token.device = device;
        Ok(token.clone())
    }

    /// Closes the token's sockets too.
    pub fn revoke(&mut self, secret: &str) -> Result<(), Failure> {
        self.token(secret)?;
        self.tokens.retain(|token| token.secret != secret);
        self.close_sockets("The auth token was revoked", |subject| subject.token == secret);
        Ok(())
    }

    pub fn revoke_all(&mut self, uid: &str) {
        self.tokens.retain(|token| token.uid != uid);
        self.close_sockets("The auth tokens were revoked", |subject| subject.uid == uid);
    }
}

#[cfg(test)]
mod tests {
    use crate::world::testing::world;

    #[test]
    fn a_token_has_the_form_of_the_cloud() {
        let (mut world, _) = world();
        let secret = world.mint("alice", true).unwrap().secret;
        let rest = secret.strip_prefix("alice_1700000000").unwrap();
        assert_eq!(rest.len(), 30);
        assert!(rest.chars().all(|c| c.is_ascii_hexdigit()));
    }

    #[test]
    fn only_force_makes_a_second_token() {
        let (mut world, _) = world();
        let first = world.mint("alice", false).unwrap().secret;
        assert_eq!(world.mint("alice", false).unwrap().secret, first);
        assert_ne!(world.mint("alice", true).unwrap().secret, first);
    }

    #[test]
    fn the_oldest_of_101_tokens_is_invalidated_and_other_users_keep_theirs() {
        let (mut world, _) = world();
        let other = world.mint("bob", true).unwrap().secret;
        let secrets: Vec<String> = (0..101).map(|_| world.mint("alice", true).unwrap().secret).collect();
        assert!(world.token(&secrets[0]).is_err());
        assert!(world.token(&secrets[1]).is_ok());
        assert!(world.token(&other).is_ok());
        assert_eq!(world.tokens_of("alice").count(), 100);
    }
}
