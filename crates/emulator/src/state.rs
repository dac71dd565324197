//! The state that request handlers share: the configuration, and the world behind its lock.

use crate::world::{Clock, RateLimits, World};
use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

/// The configuration of an emulator. The default listens on port 4000 of loopback.
#[derive(Clone)]
pub struct Config {
    pub listen: SocketAddr,
    pub app_id: String,
    pub region: String,
    /// API key with scope `fullAccess`.
    pub rest_api_key: String,
    /// API key with scope `authOnly`.
    pub auth_key: String,
    pub rate_limits: RateLimits,
    pub clock: Clock,
    /// Starts with demo users, some history and an echo bot; see [`crate::demo`].
    pub demo: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 4000)),
            app_id: "emulator".into(),
            region: "us".into(),
            rest_api_key: "emulator-rest-api-key".into(),
            auth_key: "emulator-auth-key".into(),
            rate_limits: RateLimits::default(),
            demo: false,
            clock: Arc::new(|| SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs())),
        }
    }
}

/// The state that every request handler shares.
pub struct Emulator {
    pub config: Config,
    world: Mutex<World>,
}

impl Emulator {
    pub const fn new(config: Config, world: World) -> Self {
        Self { config, world: Mutex::new(world) }
    }

    /// Locks the world. Callers never hold the lock across an await. A poisoned lock is taken anyway,
    /// so that a panic in one request does not fail all later ones.
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
