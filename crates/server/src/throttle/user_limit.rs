//! The limit by user: of every kind of action that costs a call to CometChat, so that a few users cannot use up the calls
//! that the app has for all.
//!
//! In memory, so each instance counts for itself. A session may always be ended: that causes one call for each sign-in,
//! which is counted.

use super::token_bucket::TokenBucket;
use crate::clock::Clock;
use std::time::Duration;

/// The time in which an empty bucket fills.
const PERIOD: Duration = Duration::from_secs(10 * 60);

/// What a user does that makes the server call CometChat. Each kind is counted by itself, so that a thief of a cookie
/// does not use up the owner's sign-ins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// A token is made, and revoked in the end.
    SignIn,
    /// Another token for a session: the one before is revoked.
    ChatToken,
    Rename,
    ChangePassword,
}

pub type UserLimit = TokenBucket<(Action, String)>;

impl UserLimit {
    /// Lets each user do `count` actions of each kind at once, and as many in each ten minutes after them; zero lets all
    /// through.
    pub fn per_ten_minutes(count: u32, clock: Clock) -> Self {
        Self::new(count, PERIOD, clock)
    }

    /// Takes one action out of this user's bucket, or says how long until there is one.
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
        assert_eq!(limit.take(Action::SignIn, "ada"), Ok(()));
        assert_eq!(limit.take(Action::Rename, "bob"), Ok(()));
        clock.advance(Duration::from_secs(300));
        assert_eq!(limit.take(Action::Rename, "ada"), Ok(()));
    }
}
