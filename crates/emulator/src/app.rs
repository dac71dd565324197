//! Puts the emulator together: settings and state in, a bound server out. The one place that knows
//! every route. A test builds its own on port 0.

use crate::{
    answer::unknown_route,
    client, control, cors, demo, gate, page, rest, socket,
    world::{Clock, RateLimits, World},
};
use actix_web::{App as ActixApp, HttpServer, dev::Server, middleware::from_fn, web};
use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

/// No documented body is near this; what is larger is not read to its end.
const LARGEST_BODY: usize = 1 << 20;

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
    /// The lock is never held over an await. A panic in one request must not end all others, so a
    /// poisoned lock is taken all the same.
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub struct App {
    server: Server,
    address: SocketAddr,
    emulator: web::Data<Emulator>,
}

impl App {
    /// Binds `config.listen` and nothing else. From here on connections are accepted.
    pub fn build(config: Config) -> std::io::Result<Self> {
        let listen = config.listen;
        let mut world = World::new(config.app_id.clone(), config.rate_limits, Arc::clone(&config.clock));
        if config.demo {
            demo::populate(&mut world).map_err(std::io::Error::other)?;
        }
        let emulator = web::Data::new(Emulator { config, world: Mutex::new(world) });
        let shared = emulator.clone();
        let http = HttpServer::new(move || {
            ActixApp::new()
                .app_data(shared.clone())
                .app_data(web::PayloadConfig::new(LARGEST_BODY))
                .wrap(from_fn(gate::gate))
                .wrap(from_fn(cors::cors))
                .configure(socket::routes)
                .configure(page::routes)
                .configure(control::routes)
                .configure(rest::routes)
                .configure(client::routes)
                .default_service(web::to(unknown_route))
        })
        .workers(2)
        // Open sockets and hanging requests are cut, not waited for.
        .shutdown_timeout(1)
        .bind(listen)?;
        let address = http.addrs().first().copied().unwrap_or(listen);
        Ok(Self { server: http.run(), address, emulator })
    }

    /// With port 0 this has the port that was chosen.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until SIGTERM or SIGINT.
    pub async fn run(self) -> std::io::Result<()> {
        if self.emulator.config.demo {
            tokio::spawn(demo::live(self.emulator));
        }
        self.server.await
    }
}
