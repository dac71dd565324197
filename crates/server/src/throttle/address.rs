//! The limit by address: a bucket for each, in memory, refilled evenly over a minute.

use crate::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use ipnet::IpNet;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

/// Buckets by network. Cheap to ask; shared by all workers.
pub struct AddressLimit {
    clock: Clock,
    buckets: Option<Buckets>,
}

type Buckets = RateLimiter<IpNet, DashMapStateStore<IpNet>, Clock, NoOpMiddleware<Duration>>;

impl AddressLimit {
    /// Lets `per_minute` attempts through in a burst, and as many a minute after it; zero lets all through.
    pub fn new(per_minute: u32, clock: Clock) -> Self {
        let buckets = NonZeroU32::new(per_minute)
            .map(|burst| RateLimiter::dashmap_with_clock(Quota::per_minute(burst), clock.clone()));
        Self { clock, buckets }
    }

    /// Takes one attempt out of this address's bucket, or says how long until there is one.
    pub fn take(&self, address: IpAddr) -> Result<(), Duration> {
        let Some(buckets) = &self.buckets else { return Ok(()) };
        buckets
            .check_key(&network(address))
            .map_err(|refused| refused.wait_time_from(self.clock.since_start()))
    }

    /// Forgets the buckets that are full again.
    pub fn sweep(&self) {
        if let Some(buckets) = &self.buckets {
            buckets.retain_recent();
            buckets.shrink_to_fit();
        }
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
    fn a_burst_empties_the_bucket_and_time_refills_it() {
        let clock = Clock::manual(1_000);
        let limit = AddressLimit::new(3, clock.clone());
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
    fn all_of_an_ipv6_64_is_one() {
        let limit = AddressLimit::new(1, Clock::manual(1_000));
        assert!(limit.take(address("2001:db8:1:2::1")).is_ok());
        assert!(limit.take(address("2001:db8:1:2:ffff::9")).is_err());
        assert!(limit.take(address("2001:db8:1:3::1")).is_ok());
    }

    #[test]
    fn zero_switches_it_off() {
        let limit = AddressLimit::new(0, Clock::manual(1_000));
        for _ in 0..1000 {
            assert!(limit.take(address("192.0.2.1")).is_ok());
        }
    }

    #[test]
    fn full_buckets_are_forgotten() {
        let clock = Clock::manual(1_000);
        let limit = AddressLimit::new(3, clock.clone());
        limit.take(address("192.0.2.1")).unwrap();
        clock.advance(Duration::from_secs(60));
        limit.sweep();
        assert_eq!(limit.buckets.unwrap().len(), 0);
    }
}
