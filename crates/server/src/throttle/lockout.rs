//! Backoff and lockout: a pure function of the scope and the number of consecutive failures.

/// Consecutive failures without a wait: users mistype.
const FREE_ATTEMPTS: i64 = 5;
/// The first wait, in seconds. Each further failure doubles it.
const FIRST_WAIT_SECONDS: i64 = 2;
const MAX_WAIT_SECONDS: i64 = 15 * 60;
/// Consecutive failures that lock an account for passwords (NIST SP 800-63B-4, 3.2.2: no more than 100).
pub const MAX_FAILURES: i64 = 100;
/// Time without a failure after which the count restarts, in seconds. A lockout stays.
pub const RESET_AFTER_SECONDS: i64 = 24 * 60 * 60;

/// The key that failures are counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// One account and one network. A wait affects only this network.
    Address,
    /// One account and one browser that has logged in with its present password.
    Device,
    /// One account. There is no wait, because any client could make the account's user wait.
    Account,
}

/// Consecutive failures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Failures {
    pub count: i64,
    /// Unix time of the last failure.
    pub last_at: i64,
}

/// The result for a login attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lockout {
    Allowed,
    /// Seconds until the next attempt is evaluated.
    RetryAfter(i64),
    /// No password logs in to the account.
    Locked,
}

impl Failures {
    pub fn with_failure(self, now: i64) -> Self {
        Self { count: if self.count_at(now) == 0 { 1 } else { self.count.saturating_add(1) }, last_at: now }
    }

    pub fn lockout(self, scope: Scope, now: i64) -> Lockout {
        let count = self.count_at(now);
        let wait = match scope {
            Scope::Account | Scope::Device if count >= MAX_FAILURES => return Lockout::Locked,
            Scope::Account => 0,
            // The clock was set back: do not wait until it reaches the old time.
            Scope::Address | Scope::Device if self.last_at > now.saturating_add(MAX_WAIT_SECONDS) => 0,
            Scope::Address | Scope::Device => {
                let wait = wait_after(count);
                self.last_at.saturating_add(wait).saturating_sub(now).min(wait)
            }
        };
        if wait > 0 { Lockout::RetryAfter(wait) } else { Lockout::Allowed }
    }

    /// Returns the count, or zero if it has expired. A lockout does not expire.
    fn count_at(self, now: i64) -> i64 {
        if self.count < MAX_FAILURES && now.saturating_sub(self.last_at) >= RESET_AFTER_SECONDS {
            0
        } else {
            self.count
        }
    }
}

fn wait_after(count: i64) -> i64 {
    let paid = count - FREE_ATTEMPTS;
    if paid < 0 {
        return 0;
    }
    // The cap is reached long before 2^20, and the shift cannot overflow.
    (FIRST_WAIT_SECONDS << paid.min(20)).min(MAX_WAIT_SECONDS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Lockout::{Allowed, Locked, RetryAfter};
    use Scope::{Account, Address, Device};

    #[test]
    fn backoff_and_lockout_follow_failure_count() {
        let table = [
            // failures, seconds since the last: address, device, account
            (0, 0, Allowed, Allowed, Allowed),
            (4, 0, Allowed, Allowed, Allowed),
            (5, 0, RetryAfter(2), RetryAfter(2), Allowed),
            (5, 1, RetryAfter(1), RetryAfter(1), Allowed),
            (5, 2, Allowed, Allowed, Allowed),
            (6, 0, RetryAfter(4), RetryAfter(4), Allowed),
            (8, 0, RetryAfter(16), RetryAfter(16), Allowed),
            (13, 0, RetryAfter(512), RetryAfter(512), Allowed),
            (14, 0, RetryAfter(900), RetryAfter(900), Allowed),
            (99, 0, RetryAfter(900), RetryAfter(900), Allowed),
            (99, 900, Allowed, Allowed, Allowed),
            (100, 0, RetryAfter(900), Locked, Locked),
            (100, 900, Allowed, Locked, Locked),
            (100, RESET_AFTER_SECONDS, Allowed, Locked, Locked),
            (i64::MAX, 10 * RESET_AFTER_SECONDS, Allowed, Locked, Locked),
        ];
        for (count, since, address, device, account) in table {
            let failures = Failures { count, last_at: 1_000 };
            let lockout = |scope| failures.lockout(scope, 1_000 + since);
            assert_eq!(
                (lockout(Address), lockout(Device), lockout(Account)),
                (address, device, account),
                "{count} failures, {since} s ago"
            );
        }
    }

    #[test]
    fn backoff_after_clock_set_back_is_capped() {
        let failures = Failures { count: 20, last_at: 100_000 };
        for (back, expected) in [
            (0, RetryAfter(900)),
            (1, RetryAfter(900)),
            (900, RetryAfter(900)),
            (901, Allowed),
            (100_000, Allowed),
        ] {
            assert_eq!(failures.lockout(Address, 100_000 - back), expected, "by {back} s");
        }
        let locked = Failures { count: MAX_FAILURES, last_at: 100_000 };
        assert_eq!(locked.lockout(Account, 0), Locked);
    }

    #[test]
    fn failure_count_resets_after_a_day_except_lockout() {
        let nine = Failures { count: 9, last_at: 1000 };
        assert_eq!(nine.with_failure(1000 + RESET_AFTER_SECONDS - 1).count, 10);
        assert_eq!(nine.with_failure(1000 + RESET_AFTER_SECONDS).count, 1);
        let locked = Failures { count: MAX_FAILURES, last_at: 1000 };
        assert_eq!(locked.with_failure(1000 + RESET_AFTER_SECONDS).count, MAX_FAILURES + 1);
    }
}
