//! Builds the emulator from its configuration and binds the server. This is the only module that
//! registers routes. Tests build their own emulator on port 0.

use crate::{
    client, control_api, cors, dashboard, demo, middleware,
    response::unknown_route,
    rest, socket,
    state::{Config, Emulator},
    world::World,
};
use actix_web::{App as ActixApp, HttpServer, dev::Server, middleware::from_fn, web};
use std::{net::SocketAddr, sync::Arc};

/// No documented request body comes near this size. The server stops reading larger bodies.
const MAX_BODY_BYTES: usize = 1 << 20;

/// A bound emulator that is ready to run.
pub struct App {
    server: Server,
    address: SocketAddr,
    emulator: web::Data<Emulator>,
}

impl App {
    /// Builds the emulator and binds `config.listen`. The kernel accepts connections from here on.
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
                .app_data(web::PayloadConfig::new(MAX_BODY_BYTES))
                .wrap(from_fn(middleware::intercept))
                .wrap(from_fn(cors::cors))
                .configure(socket::routes)
                .configure(dashboard::routes)
                .configure(control_api::routes)
                .configure(rest::routes)
                .configure(client::routes)
                .default_service(web::to(unknown_route))
        })
        .workers(2)
        // Shutdown does not wait for open WebSockets and hanging requests.
        .shutdown_timeout(1)
        .bind(listen)?;
        let address = http.addrs().first().copied().unwrap_or(listen);
        Ok(Self { server: http.run(), address, emulator })
    }

    /// Returns the bound address. It has the actual port if the configuration asked for port 0.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves requests until SIGTERM or SIGINT.
    pub async fn run(self) -> std::io::Result<()> {
        if self.emulator.config.demo {
            tokio::spawn(demo::run_bot(self.emulator));
        }
        self.server.await
    }
}
