//! Token buckets in memory, one for each address or user, that refill evenly.

use crate::clock::Clock;
use ipnet::IpNet;
use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Time in which the empty bucket of an address fills.
const MINUTE: Duration = Duration::from_secs(60);

/// The rate limit by address.
pub type AddressLimit = TokenBucket<IpNet>;

/// Token buckets by key, shared by all workers.
pub struct TokenBucket<K> {
    clock: Clock,
    /// Time in which an empty bucket fills.
    period: Duration,
    /// Time in which one token refills. Zero disables the limit.
    refill: Duration,
    /// Time at which each bucket will be full, by the monotonic clock. It determines the present level. A bucket that is
    /// not listed is full.
    full_at: Mutex<HashMap<K, Duration>>,
}

impl AddressLimit {
    /// Allows each address `per_minute` attempts in a burst, and as many per minute.
    pub fn per_minute(per_minute: u32, clock: Clock) -> Self {
        Self::new(per_minute, MINUTE, clock)
    }

    /// Takes one attempt from this address's bucket.
    ///
    /// # Errors
    /// The time until the next attempt is allowed.
    pub fn take(&self, address: IpAddr) -> Result<(), Duration> {
        self.take_for(network(address))
    }
}

impl<K: Eq + Hash> TokenBucket<K> {
    /// Allows `count` attempts in a burst, and as many per `period`. Zero disables the limit.
    pub fn new(count: u32, period: Duration, clock: Clock) -> Self {
        let refill = period.checked_div(count).unwrap_or_default();
        Self { clock, period, refill, full_at: Mutex::default() }
    }

    /// Takes one token from the bucket of this key.
    ///
    /// # Errors
    /// The time until the next token.
    pub fn take_for(&self, key: K) -> Result<(), Duration> {
        if self.refill.is_zero() {
            return Ok(());
        }
        let now = self.clock.monotonic();
        let mut buckets = self.lock();
        let full_at = buckets.entry(key).or_default();
        let then = now.max(*full_at) + self.refill;
        // An empty bucket is full after one period, so a later time means that the token is not there.
        let missing = then.saturating_sub(now + self.period);
        if !missing.is_zero() {
            return Err(missing);
        }
        *full_at = then;
        Ok(())
    }

    /// Removes the buckets that are full again.
    pub fn sweep(&self) {
        let now = self.clock.monotonic();
        let mut buckets = self.lock();
        buckets.retain(|_, full_at| *full_at > now);
        buckets.shrink_to_fit();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, Duration>> {
        // A panic while the lock was held cannot have left the map inconsistent.
        self.full_at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the network that an address is counted by: itself, or the /64 of an IPv6 address, which one household or one
/// rented server has.
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
        let client = address("192.0.2.1");
        for _ in 0..3 {
            assert_eq!(limit.take(client), Ok(()));
        }
        assert_eq!(limit.take(client), Err(Duration::from_secs(20)));
        assert_eq!(limit.take(address("192.0.2.2")), Ok(()), "another address has its own");
        clock.advance(Duration::from_secs(20));
        assert_eq!(limit.take(client), Ok(()));
        assert!(limit.take(client).is_err());
    }

    #[test]
    fn rate_limit_wait_ignores_clock_steps() {
        let clock = Clock::manual(10_000);
        let limit = AddressLimit::per_minute(3, clock.clone());
        let client = address("192.0.2.1");
        for _ in 0..3 {
            limit.take(client).unwrap();
        }
        for step in [-3_600, 7_200] {
            clock.step(step);
            assert_eq!(limit.take(client), Err(Duration::from_secs(20)), "{step}");
        }
        clock.advance(Duration::from_secs(20));
        assert_eq!(limit.take(client), Ok(()));
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
