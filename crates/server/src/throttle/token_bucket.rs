//! Limits: a bucket for each address or user, in memory, refilled evenly.

use crate::clock::Clock;
use ipnet::IpNet;
use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The time in which an empty bucket of an address fills.
const MINUTE: Duration = Duration::from_secs(60);

/// The limit by address.
pub type AddressLimit = TokenBucket<IpNet>;

/// Buckets. Cheap to ask; shared by all workers.
pub struct TokenBucket<K> {
    clock: Clock,
    /// The time in which an empty bucket fills.
    period: Duration,
    /// The time that refills what one attempt takes; zero: there is no limit.
    refill: Duration,
    /// When each bucket will be full, by the time since the clock's start: that alone says how full it is now. A bucket
    /// that is not here is full.
    full_at: Mutex<HashMap<K, Duration>>,
}

impl AddressLimit {
    /// Lets `per_minute` attempts of an address through in a burst, and as many a minute after it.
    pub fn per_minute(per_minute: u32, clock: Clock) -> Self {
        Self::new(per_minute, MINUTE, clock)
    }

    /// Takes one attempt out of this address's bucket, or says how long until there is one.
    pub fn take(&self, address: IpAddr) -> Result<(), Duration> {
        self.take_for(network(address))
    }
}

impl<K: Eq + Hash> TokenBucket<K> {
    /// Lets `count` attempts through in a burst, and as many in each `period` after it; zero lets all through.
    pub fn new(count: u32, period: Duration, clock: Clock) -> Self {
        let refill = period.checked_div(count).unwrap_or_default();
        Self { clock, period, refill, full_at: Mutex::default() }
    }

    /// Takes one attempt out of this bucket, or says how long until there is one.
    pub fn take_for(&self, whose: K) -> Result<(), Duration> {
        if self.refill.is_zero() {
            return Ok(());
        }
        let now = self.clock.monotonic();
        let mut buckets = self.lock();
        let full_at = buckets.entry(whose).or_default();
        let then = now.max(*full_at) + self.refill;
        // An empty one will be full after the period; what would take longer is not in it.
        let missing = then.saturating_sub(now + self.period);
        if !missing.is_zero() {
            return Err(missing);
        }
        *full_at = then;
        Ok(())
    }

    /// Forgets the buckets that are full again.
    pub fn sweep(&self) {
        let now = self.clock.monotonic();
        let mut buckets = self.lock();
        buckets.retain(|_, full_at| *full_at > now);
        buckets.shrink_to_fit();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, Duration>> {
        // A panic while it was held cannot have left it half changed.
        self.full_at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whom an address stands for: itself, or in IPv6 its /64, which is what one household or one rented
/// server has to itself.
pub fn network(address: IpAddr) -> IpNet {
    let prefix = if address.is_ipv4() { 32 } else { 64 };
    IpNet::new(address, prefix).map_or(IpNet::from(address), |net| net.trunc())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn rate_limit_bucket_empties_and_refills() {
        let clock = Clock::manual(1_000);
        let limit = AddressLimit::per_minute(3, clock.clone());
        let me = address("192.0.2.1");
        for _ in 0..3 {
            assert_eq!(limit.take(me), Ok(()));
        }
        assert_eq!(limit.take(me), Err(Duration::from_secs(20)));
        assert_eq!(limit.take(address("192.0.2.2")), Ok(()), "another address has its own");
        clock.advance(Duration::from_secs(20));
        assert_eq!(limit.take(me), Ok(()));
        assert!(limit.take(me).is_err());
    }

    #[test]
    fn rate_limit_wait_ignores_clock_steps() {
        let clock = Clock::manual(10_000);
        let limit = AddressLimit::per_minute(3, clock.clone());
        let me = address("192.0.2.1");
        for _ in 0..3 {
            limit.take(me).unwrap();
        }
        for step in [-3_600, 7_200] {
            clock.step(step);
            assert_eq!(limit.take(me), Err(Duration::from_secs(20)), "{step}");
        }
        clock.advance(Duration::from_secs(20));
        assert_eq!(limit.take(me), Ok(()));
    }

    #[test]
    fn rate_limit_groups_ipv6_by_64_prefix() {
        let limit = AddressLimit::per_minute(1, Clock::manual(1_000));
        assert!(limit.take(address("2001:db8:1:2::1")).is_ok());
        assert!(limit.take(address("2001:db8:1:2:ffff::9")).is_err());
        assert!(limit.take(address("2001:db8:1:3::1")).is_ok());
    }

    #[test]
    fn rate_limit_of_zero_is_disabled() {
        let limit = AddressLimit::per_minute(0, Clock::manual(1_000));
        for _ in 0..1000 {
            assert!(limit.take(address("192.0.2.1")).is_ok());
        }
    }

    #[test]
    fn rate_limit_sweep_drops_full_buckets() {
        let clock = Clock::manual(1_000);
        let limit = AddressLimit::per_minute(3, clock.clone());
        limit.take(address("192.0.2.1")).unwrap();
        clock.advance(Duration::from_secs(19));
        limit.take(address("192.0.2.2")).unwrap();
        clock.advance(Duration::from_secs(1));
        limit.sweep();
        assert_eq!(limit.lock().len(), 1, "the first is full after twenty seconds");
    }
}
