//! CometChat's rate limits: so many calls an app and minute, fewer for the operations it calls core.
//! The minutes are those of the clock on the wall.

#[derive(Debug, Clone, Copy)]
pub struct RateLimits {
    /// Connecting, creating and deleting users: per minute.
    pub core: u32,
    /// Everything else: per minute.
    pub other: u32,
}

impl Default for RateLimits {
    fn default() -> Self {
        Self { core: 10_000, other: 20_000 }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allowance {
    Granted { limit: u32, remaining: u32 },
    Refused { retry_after: u64, reset: u64 },
}

pub struct Rates {
    limits: RateLimits,
    minute: u64,
    core: u32,
    other: u32,
}

impl Rates {
    pub const fn new(limits: RateLimits) -> Self {
        Self { limits, minute: 0, core: 0, other: 0 }
    }

    pub const fn count(&mut self, now: u64, core: bool) -> Allowance {
        if self.minute != now / 60 {
            self.minute = now / 60;
            self.core = 0;
            self.other = 0;
        }
        let (used, limit) =
            if core { (&mut self.core, self.limits.core) } else { (&mut self.other, self.limits.other) };
        if *used >= limit {
            let reset = (self.minute + 1) * 60;
            return Allowance::Refused { retry_after: reset - now, reset };
        }
        *used += 1;
        Allowance::Granted { limit, remaining: limit - *used }
    }

    pub const fn clear(&mut self) {
        *self = Self::new(self.limits);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_minute_is_refused_until_the_next_one() {
        let mut rates = Rates::new(RateLimits { core: 1, other: 2 });
        assert_eq!(rates.count(130, false), Allowance::Granted { limit: 2, remaining: 1 });
        assert_eq!(rates.count(140, false), Allowance::Granted { limit: 2, remaining: 0 });
        assert_eq!(rates.count(150, false), Allowance::Refused { retry_after: 30, reset: 180 });
        assert_eq!(rates.count(180, false), Allowance::Granted { limit: 2, remaining: 1 });
    }

    #[test]
    fn core_operations_have_a_count_of_their_own() {
        let mut rates = Rates::new(RateLimits { core: 1, other: 1 });
        assert_eq!(rates.count(0, false), Allowance::Granted { limit: 1, remaining: 0 });
        assert_eq!(rates.count(0, true), Allowance::Granted { limit: 1, remaining: 0 });
        assert!(matches!(rates.count(0, true), Allowance::Refused { .. }));
    }
}
