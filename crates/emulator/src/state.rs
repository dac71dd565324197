//! What the request handlers share: the configuration, and the world behind its lock.

use crate::world::{Clock, RateLimits, World};
use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

#[derive(Clone)]
pub struct Config {
    pub listen: SocketAddr,
    pub app_id: String,
    pub region: String,
    /// Scope `fullAccess`.
    pub rest_api_key: String,
    /// Scope `authOnly`.
    pub auth_key: String,
    pub rate_limits: RateLimits,
    pub clock: Clock,
    /// Begin with people, some history and a bot that answers; see [`crate::demo`].
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

/// What every request handler shares.
pub struct Emulator {
    pub config: Config,
    world: Mutex<World>,
}

impl Emulator {
    pub const fn new(config: Config, world: World) -> Self {
        Self { config, world: Mutex::new(world) }
    }

    /// The lock is never held over an await. A panic in one request must not end all others, so a
    /// poisoned lock is taken all the same.
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
