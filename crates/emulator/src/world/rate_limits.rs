//! CometChat's rate limits: calls per app and minute, with a lower limit for core operations. A window
//! is a minute of the wall clock.

/// The rate limits of an app. The default is that of CometChat.
#[derive(Debug, Clone, Copy)]
pub struct RateLimits {
    /// Core operations per minute: connecting, creating and deleting users.
    pub core: u32,
    /// All other calls per minute.
    pub other: u32,
}

impl Default for RateLimits {
    fn default() -> Self {
        Self { core: 10_000, other: 20_000 }
    }
}

/// Whether a call is within its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allowance {
    Granted { limit: u32, remaining: u32 },
    Refused { retry_after: u64, reset: u64 },
}

/// Counts the calls of the current minute.
pub struct RateLimiter {
    limits: RateLimits,
    minute: u64,
    core: u32,
    other: u32,
}

impl RateLimiter {
    pub const fn new(limits: RateLimits) -> Self {
        Self { limits, minute: 0, core: 0, other: 0 }
    }

    /// Counts a call and says whether it is within its limit.
    pub const fn count_call(&mut self, now: u64, core: bool) -> Allowance {
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
    fn call_over_the_limit_is_rejected_until_next_minute() {
        let mut limiter = RateLimiter::new(RateLimits { core: 1, other: 2 });
        assert_eq!(limiter.count_call(130, false), Allowance::Granted { limit: 2, remaining: 1 });
        assert_eq!(limiter.count_call(140, false), Allowance::Granted { limit: 2, remaining: 0 });
        assert_eq!(limiter.count_call(150, false), Allowance::Refused { retry_after: 30, reset: 180 });
        assert_eq!(limiter.count_call(180, false), Allowance::Granted { limit: 2, remaining: 1 });
    }

    #[test]
    fn core_operation_is_counted_apart() {
        let mut limiter = RateLimiter::new(RateLimits { core: 1, other: 1 });
        assert_eq!(limiter.count_call(0, false), Allowance::Granted { limit: 1, remaining: 0 });
        assert_eq!(limiter.count_call(0, true), Allowance::Granted { limit: 1, remaining: 0 });
        assert!(matches!(limiter.count_call(0, true), Allowance::Refused { .. }));
    }
}
