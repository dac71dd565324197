//! Puts the emulator together: settings and state in, a bound server out. The one place that knows
//! every route. A test builds its own on port 0.

use crate::{
    client, control_api, cors, dashboard, demo, middleware,
    response::unknown_route,
    rest, socket,
    state::{Config, Emulator},
    world::World,
};
use actix_web::{App as ActixApp, HttpServer, dev::Server, middleware::from_fn, web};
use std::{net::SocketAddr, sync::Arc};

/// No documented body is near this; what is larger is not read to its end.
const LARGEST_BODY: usize = 1 << 20;

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
        let emulator = web::Data::new(Emulator::new(config, world));
        let shared = emulator.clone();
        let http = HttpServer::new(move || {
            ActixApp::new()
                .app_data(shared.clone())
                .app_data(web::PayloadConfig::new(LARGEST_BODY))
                .wrap(from_fn(middleware::gate))
                .wrap(from_fn(cors::cors))
                .configure(socket::routes)
                .configure(dashboard::routes)
                .configure(control_api::routes)
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
