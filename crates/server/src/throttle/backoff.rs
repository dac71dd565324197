//! The waits between failed attempts of one subject: a pure function of how many there were.

/// Failures in a row that cost nothing: people mistype.
const FREE: i64 = 5;
/// The first wait, in seconds; each further failure doubles it.
const FIRST_WAIT: i64 = 2;
const LONGEST_WAIT: i64 = 15 * 60;
/// Failures older than this are forgotten.
pub const FORGET_SECONDS: i64 = 24 * 60 * 60;

/// Failures in a row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Failures {
    pub count: i64,
    /// Unix seconds of the last of them.
    pub last_at: i64,
}

impl Failures {
    pub fn and_one_more(self, now: i64) -> Self {
        let forgotten = now - self.last_at >= FORGET_SECONDS;
        Self { count: if forgotten { 1 } else { self.count.saturating_add(1) }, last_at: now }
    }

    /// Unix seconds before which no further attempt is looked at.
    pub fn locked_until(self) -> i64 {
        self.last_at + self.wait()
    }

    fn wait(self) -> i64 {
        let paid = self.count - FREE;
        if paid < 0 {
            return 0;
        }
        // Past 2^20 the cap has long been reached, and a shift cannot overflow.
        (FIRST_WAIT << paid.min(20)).min(LONGEST_WAIT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_with_each_failure_in_a_row_up_to_a_quarter_of_an_hour() {
        let table = [(1, 0), (4, 0), (5, 2), (6, 4), (7, 8), (8, 16), (13, 512), (14, 900), (1000, 900)];
        for (count, wait) in table {
            assert_eq!(Failures { count, last_at: 100 }.locked_until(), 100 + wait, "{count} failures");
        }
    }

    #[test]
    fn a_day_without_failure_is_a_fresh_start() {
        let before = Failures { count: 9, last_at: 1000 };
        assert_eq!(before.and_one_more(1000 + FORGET_SECONDS - 1).count, 10);
        assert_eq!(before.and_one_more(1000 + FORGET_SECONDS).count, 1);
    }
}
