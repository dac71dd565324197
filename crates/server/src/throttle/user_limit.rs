//! The rate limit by user, for actions that call CometChat: a few users must not use up the app's calls.
//!
//! The counts are in memory, so each instance has its own. Ending a session is not limited: it causes one call per
//! login, which is counted.

use super::token_bucket::TokenBucket;
use crate::clock::Clock;
use std::time::Duration;

/// The time in which an empty bucket fills.
const PERIOD: Duration = Duration::from_secs(10 * 60);

/// An action that calls CometChat. Each kind has its own count, so that a stolen cookie cannot use up the user's logins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Creates a chat token, which is revoked later.
    Login,
    /// Creates a chat token in place of the session's present one, which is revoked.
    ChatToken,
    Rename,
    ChangePassword,
}

pub type UserLimit = TokenBucket<(Action, String)>;

impl UserLimit {
    /// Allows each user `count` actions of each kind in a burst, and as many per ten minutes. Zero disables the limit.
    pub fn per_ten_minutes(count: u32, clock: Clock) -> Self {
        Self::new(count, PERIOD, clock)
    }

    /// Takes one action from this user's bucket.
    ///
    /// # Errors
    /// The time until the next action is allowed.
    pub fn take(&self, action: Action, user_id: &str) -> Result<(), Duration> {
        self.take_for((action, user_id.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_limit_has_bucket_per_action() {
        let clock = Clock::manual(1_000);
        let limit = UserLimit::per_ten_minutes(2, clock.clone());
        for _ in 0..2 {
            assert_eq!(limit.take(Action::Rename, "ada"), Ok(()));
        }
        assert_eq!(limit.take(Action::Rename, "ada"), Err(Duration::from_secs(300)));
        assert_eq!(limit.take(Action::Login, "ada"), Ok(()));
        assert_eq!(limit.take(Action::Rename, "bob"), Ok(()));
        clock.advance(Duration::from_secs(300));
        assert_eq!(limit.take(Action::Rename, "ada"), Ok(()));
    }
}
