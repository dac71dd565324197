//! What failed attempts lead to: a pure function of who they count for and how many there were.

/// Failures in a row that cost nothing: people mistype.
const FREE: i64 = 5;
/// The first wait, in seconds; each further failure doubles it.
const FIRST_WAIT: i64 = 2;
const LONGEST_WAIT: i64 = 15 * 60;
/// Failures in a row on one account that shut it for passwords until it is opened again (NIST SP 800-63B-4,
/// 3.2.2: no more than 100).
pub const STOP: i64 = 100;
/// Failures older than this are forgotten, unless they have shut an account.
pub const FORGET_SECONDS: i64 = 24 * 60 * 60;

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
pub enum Standing {
    Open,
    /// Seconds until the next attempt is looked at.
    Wait(i64),
    /// No password opens it any more.
    Shut,
}

impl Failures {
    pub fn and_one_more(self, now: i64) -> Self {
        Self { count: if self.count_at(now) == 0 { 1 } else { self.count.saturating_add(1) }, last_at: now }
    }

    pub fn standing(self, scope: Scope, now: i64) -> Standing {
        let count = self.count_at(now);
        let wait = match scope {
            Scope::Account | Scope::Device if count >= STOP => return Standing::Shut,
            Scope::Account => 0,
            // A clock that was set back makes nobody wait until it is where it was.
            Scope::Address | Scope::Device if self.last_at > now.saturating_add(LONGEST_WAIT) => 0,
            Scope::Address | Scope::Device => {
                let wait = wait_after(count);
                self.last_at.saturating_add(wait).saturating_sub(now).min(wait)
            }
        };
        if wait > 0 { Standing::Wait(wait) } else { Standing::Open }
    }

    /// What has shut an account is not forgotten.
    fn count_at(self, now: i64) -> i64 {
        if self.count < STOP && now.saturating_sub(self.last_at) >= FORGET_SECONDS { 0 } else { self.count }
    }
}

fn wait_after(count: i64) -> i64 {
    let paid = count - FREE;
    if paid < 0 {
        return 0;
    }
    // Past 2^20 the cap has long been reached, and a shift cannot overflow.
    (FIRST_WAIT << paid.min(20)).min(LONGEST_WAIT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Scope::{Account, Address, Device};
    use Standing::{Open, Shut, Wait};

    #[test]
    fn what_failures_in_a_row_lead_to() {
        let table = [
            // failures, seconds since the last: address, device, account
            (0, 0, Open, Open, Open),
            (4, 0, Open, Open, Open),
            (5, 0, Wait(2), Wait(2), Open),
            (5, 1, Wait(1), Wait(1), Open),
            (5, 2, Open, Open, Open),
            (6, 0, Wait(4), Wait(4), Open),
            (8, 0, Wait(16), Wait(16), Open),
            (13, 0, Wait(512), Wait(512), Open),
            (14, 0, Wait(900), Wait(900), Open),
            (99, 0, Wait(900), Wait(900), Open),
            (99, 900, Open, Open, Open),
            (100, 0, Wait(900), Shut, Shut),
            (100, 900, Open, Shut, Shut),
            (100, FORGET_SECONDS, Open, Shut, Shut),
            (i64::MAX, 10 * FORGET_SECONDS, Open, Shut, Shut),
        ];
        for (count, since, address, device, account) in table {
            let failures = Failures { count, last_at: 1_000 };
            let standing = |scope| failures.standing(scope, 1_000 + since);
            assert_eq!(
                (standing(Address), standing(Device), standing(Account)),
                (address, device, account),
                "{count} failures, {since} s ago"
            );
        }
    }

    #[test]
    fn a_clock_that_was_set_back_makes_nobody_wait_longer_than_the_longest() {
        let failures = Failures { count: 20, last_at: 100_000 };
        for (back, expected) in
            [(0, Wait(900)), (1, Wait(900)), (900, Wait(900)), (901, Open), (100_000, Open)]
        {
            assert_eq!(failures.standing(Address, 100_000 - back), expected, "by {back} s");
        }
        let shut = Failures { count: STOP, last_at: 100_000 };
        assert_eq!(shut.standing(Account, 0), Shut);
    }

    #[test]
    fn a_day_without_failure_is_a_fresh_start_but_not_for_what_is_shut() {
        let nine = Failures { count: 9, last_at: 1000 };
        assert_eq!(nine.and_one_more(1000 + FORGET_SECONDS - 1).count, 10);
        assert_eq!(nine.and_one_more(1000 + FORGET_SECONDS).count, 1);
        let shut = Failures { count: STOP, last_at: 1000 };
        assert_eq!(shut.and_one_more(1000 + FORGET_SECONDS).count, STOP + 1);
    }
}
