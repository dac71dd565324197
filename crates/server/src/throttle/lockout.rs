//! What failed attempts lead to: a pure function of who they count for and how many there were.

/// Failures in a row that cost nothing: people mistype.
const FREE_ATTEMPTS: i64 = 5;
/// The first wait, in seconds; each further failure doubles it.
const FIRST_WAIT: i64 = 2;
const MAX_WAIT: i64 = 15 * 60;
/// Failures in a row on one account that shut it for passwords until it is opened again (NIST SP 800-63B-4,
/// 3.2.2: no more than 100).
pub const MAX_FAILURES: i64 = 100;
/// Failures older than this are forgotten, unless they have shut an account.
pub const RESET_AFTER_SECONDS: i64 = 24 * 60 * 60;

/// Whom failures count for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// One account from one network. A wait here harms nobody else.
    Address,
    /// One account from a browser that its present password has opened it in.
    Device,
    /// One account, wherever from. There is no wait: anybody could make its owner wait.
    Account,
}

/// Failures in a row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Failures {
    pub count: i64,
    /// Unix seconds of the last of them.
    pub last_at: i64,
}

/// What an attempt meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lockout {
    Allowed,
    /// Seconds until the next attempt is looked at.
    RetryAfter(i64),
    /// No password opens it any more.
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
            // A clock that was set back makes nobody wait until it is where it was.
            Scope::Address | Scope::Device if self.last_at > now.saturating_add(MAX_WAIT) => 0,
            Scope::Address | Scope::Device => {
                let wait = wait_after(count);
                self.last_at.saturating_add(wait).saturating_sub(now).min(wait)
            }
        };
        if wait > 0 { Lockout::RetryAfter(wait) } else { Lockout::Allowed }
    }

    /// What has shut an account is not forgotten.
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
    // Past 2^20 the cap has long been reached, and a shift cannot overflow.
    (FIRST_WAIT << paid.min(20)).min(MAX_WAIT)
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
            let standing = |scope| failures.lockout(scope, 1_000 + since);
            assert_eq!(
                (standing(Address), standing(Device), standing(Account)),
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
        let shut = Failures { count: MAX_FAILURES, last_at: 100_000 };
        assert_eq!(shut.lockout(Account, 0), Locked);
    }

    #[test]
    fn failure_count_resets_after_a_day_except_lockout() {
        let nine = Failures { count: 9, last_at: 1000 };
        assert_eq!(nine.with_failure(1000 + RESET_AFTER_SECONDS - 1).count, 10);
        assert_eq!(nine.with_failure(1000 + RESET_AFTER_SECONDS).count, 1);
        let shut = Failures { count: MAX_FAILURES, last_at: 1000 };
        assert_eq!(shut.with_failure(1000 + RESET_AFTER_SECONDS).count, MAX_FAILURES + 1);
    }
}
