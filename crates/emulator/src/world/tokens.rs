//! Auth tokens: minting, lookup and revocation. Each token has a JWT, with which the SDK signs a socket
//! in. The JWT is valid as long as the token.

use super::model::{Device, Token};
use super::store::World;
use crate::errors::RestError;

/// Minting one more token revokes the oldest.
const MAX_TOKENS_PER_USER: usize = 100;

/// Returns 30 random hexadecimal digits.
fn random_hex() -> String {
    format!("{:030x}", rand::random::<u128>() >> 8)
}

impl World {
    /// Mints a token. Without `force`, it returns the newest token of a user who has one.
    pub fn mint_token(&mut self, uid: &str, force: bool) -> Result<Token, RestError> {
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
            active.next().filter(|_| active.count() >= MAX_TOKENS_PER_USER).map(|token| token.secret.clone());
        if let Some(oldest) = oldest {
            self.revoke_token(&oldest)?;
        }
        Ok(token)
    }

    /// Returns the tokens of a user, oldest first.
    pub fn tokens_of(&self, uid: &str) -> impl DoubleEndedIterator<Item = &Token> {
        self.tokens.iter().filter(move |token| token.uid == uid)
    }

    pub fn token(&self, secret: &str) -> Result<&Token, RestError> {
        let token = self.tokens.iter().find(|token| token.secret == secret);
        token.ok_or_else(|| RestError::TokenNotFound(secret.into()))
    }

    pub fn token_of_jwt(&self, jwt: &str) -> Option<&Token> {
        self.tokens.iter().find(|token| token.jwt == jwt)
    }

    pub fn set_device(&mut self, secret: &str, device: Device) -> Result<Token, RestError> {
        let token = self.tokens.iter_mut().find(|token| token.secret == secret);
        let token = token.ok_or_else(|| RestError::TokenNotFound(secret.into()))?;
        token.device = device;
        Ok(token.clone())
    }

    /// Revokes a token and closes its sockets.
    pub fn revoke_token(&mut self, secret: &str) -> Result<(), RestError> {
        self.token(secret)?;
        self.tokens.retain(|token| token.secret != secret);
        self.close_sockets("The auth token was revoked", |user| user.token == secret);
        Ok(())
    }

    /// Revokes all tokens of a user and closes the user's sockets.
    pub fn revoke_tokens_of(&mut self, uid: &str) {
        self.tokens.retain(|token| token.uid != uid);
        self.close_sockets("The auth tokens were revoked", |user| user.uid == uid);
    }
}

#[cfg(test)]
mod tests {
    use crate::world::testing::world;

    #[test]
    fn token_has_the_format_of_the_cloud() {
        let (mut world, _) = world();
        let secret = world.mint_token("alice", true).unwrap().secret;
        let rest = secret.strip_prefix("alice_1700000000").unwrap();
        assert_eq!(rest.len(), 30);
        assert!(rest.chars().all(|c| c.is_ascii_hexdigit()));
    }

    #[test]
    fn mint_without_force_returns_the_existing_token() {
        let (mut world, _) = world();
        let first = world.mint_token("alice", false).unwrap().secret;
        assert_eq!(world.mint_token("alice", false).unwrap().secret, first);
        assert_ne!(world.mint_token("alice", true).unwrap().secret, first);
    }

    #[test]
    fn mint_of_the_101st_token_revokes_the_oldest() {
        let (mut world, _) = world();
        let other = world.mint_token("bob", true).unwrap().secret;
        let secrets: Vec<String> =
            (0..101).map(|_| world.mint_token("alice", true).unwrap().secret).collect();
        assert!(world.token(&secrets[0]).is_err());
        assert!(world.token(&secrets[1]).is_ok());
        assert!(world.token(&other).is_ok());
        assert_eq!(world.tokens_of("alice").count(), 100);
    }
}
