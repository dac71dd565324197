//! Builds the application from its settings, runs it and shuts it down.

use crate::clock::Clock;
use crate::cometchat::budget::CallBudget;
use crate::cometchat::{ChatService, client, key_fingerprints, worker};
use crate::config::Config;
use crate::crypto::seal::Sealer;
use crate::db::{Db, OpenError};
use crate::http::{self, middleware::request_context::RequestMetrics, server::HttpServer};
use crate::maintenance;
use crate::passwords::Hasher;
use crate::state::AppState;
use crate::telemetry::audit::Audit;
use crate::telemetry::metrics;
use crate::throttle::{device_cookie::DeviceCookieSigner, token_bucket::AddressLimit, user_limit::UserLimit};
use crate::users::hash_kinds;
use actix_web::dev::Server;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Jobs that run concurrently. CometChat accepts ten thousand calls per minute, but takes long for each.
const WORKERS: usize = 4;
/// Time for jobs in progress to finish after the last request.
const JOB_SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(10);

/// The server cannot start. The message is one line and says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Database(#[from] OpenError),
    #[error(transparent)]
    Key(#[from] key_fingerprints::KeyError),
    #[error(
        "{setting}: cannot serve on {address}: {cause}. Is another server running there? Set {setting} to another port"
    )]
    Listen { setting: &'static str, address: SocketAddr, cause: std::io::Error },
    #[error("cannot start the HTTP workers: {0}")]
    HttpWorkers(std::io::Error),
    #[error("cannot start the hashing threads: {0}")]
    Hasher(std::io::Error),
    #[error("cannot create the HTTP client: {0}")]
    HttpClient(#[from] reqwest::Error),
}

/// An application with a listening socket, ready to run.
pub struct Application {
    address: SocketAddr,
    metrics_address: Option<SocketAddr>,
    server: HttpServer,
    metrics: Option<Server>,
    background: JoinSet<()>,
    state: Arc<AppState>,
}

impl Application {
    /// Builds the application. Call it on a multi-threaded tokio runtime, which runs the background work.
    ///
    /// `inherited`: the listening socket that a service manager passed to the process. If there is none, the
    /// application binds `LISTEN`.
    pub async fn build(
        config: Config,
        clock: Clock,
        inherited: Option<TcpListener>,
    ) -> Result<Self, StartError> {
        let http_data = http::HttpData::new(&config, clock.clone());
        let db = Db::open(config.core.database_url.expose()).await?;
        let key = &config.core.secret_key;
        let fallbacks = &config.core.secret_key_fallbacks;
        key_fingerprints::check_or_record(&db, key, fallbacks, clock.now()).await?;
        let core = &config.core;
        let hasher = Hasher::start(core.argon2.clone(), core.argon2_backend, core.password_hash_threads)
            .map_err(StartError::Hasher)?;
        if let Err(error) = hash_kinds::share(&db, &hasher).await {
            tracing::error!(%error, "cannot read the kinds of password hashes");
        }
        let sealer = Sealer::new(key, fallbacks);
        let endpoint = client::Client::new(
            client::http_client(config.cometchat.emulator.is_some())?,
            config.cometchat.endpoint.clone(),
            CallBudget::new(config.cometchat.calls_per_minute, clock.clone()),
        );
        let chat = Arc::new(ChatService::new(endpoint, sealer, db.clone(), clock.clone()));
        let state = Arc::new(AppState {
            db: db.clone(),
            clock: clock.clone(),
            hasher,
            address_limit: AddressLimit::per_minute(config.login_attempts_per_minute, clock.clone()),
            policy_check_slots: Semaphore::new(1),
            user_limit: UserLimit::per_ten_minutes(config.actions_per_user, clock),
            device_cookies: DeviceCookieSigner::new(key, fallbacks),
            password_min_length: config.core.password_min_length,
            chat: Arc::clone(&chat),
            session_lifetime: config.lifetime,
            assertion_keys: config.assertion_keys,
            audit: Audit::default(),
            shutdown: CancellationToken::new(),
            runtime: tokio::runtime::Handle::current(),
        });

        let is_inherited = inherited.is_some();
        let listener = match inherited {
            Some(listener) => Ok(listener),
            None => http::server::bind(config.listen),
        };
        let cannot_listen = |cause| StartError::Listen { setting: "LISTEN", address: config.listen, cause };
        let listener = listener.map_err(cannot_listen)?;
        let address = listener.local_addr().map_err(cannot_listen)?;
        if is_inherited {
            tracing::info!(%address, "using the socket of LISTEN_FDS, not LISTEN");
        }
        let app = (Arc::clone(&state), http_data.clone());
        let server = HttpServer::start(listener, is_inherited, app, config.request_timeout)
            .map_err(StartError::HttpWorkers)?;
        let (metrics, metrics_address) = match config.metrics_listen {
            Some(listen) => {
                let (server, address) = serve_metrics(listen, &state, &http_data.requests)?;
                (Some(server), Some(address))
            }
            None => (None, None),
        };

        let mut background = JoinSet::new();
        for _ in 0..WORKERS {
            let chat = Arc::clone(&chat);
            let shutdown = state.shutdown.clone();
            background.spawn(async move { worker::run(&chat, &shutdown).await });
        }
        background.spawn(maintenance::run(Arc::clone(&state)));
        Ok(Self { address, metrics_address, server, metrics, background, state })
    }

    /// Returns the address of the listening socket, with the port that the system chose for port 0.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the address of the metrics, if `METRICS_LISTEN` is set.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics_address
    }

    /// Returns the state that requests work with. The application shuts down when its `shutdown` is cancelled.
    pub fn state(&self) -> Arc<AppState> {
        Arc::clone(&self.state)
    }

    /// Serves until the shutdown, then finishes what is in progress: first the requests, then the jobs.
    pub async fn run(mut self) -> std::io::Result<()> {
        let metrics = self.metrics.map(|server| (server.handle(), tokio::spawn(server)));
        let served = self.server.run(&self.state.shutdown).await;
        let jobs = async { while self.background.join_next().await.is_some() {} };
        if tokio::time::timeout(JOB_SHUTDOWN_TIMEOUT, jobs).await.is_err() {
            // A job that is aborted runs again after the next start.
            self.background.shutdown().await;
        }
        if let Some((handle, task)) = metrics {
            handle.stop(false).await;
            let _ = task.await;
        }
        self.state.db.close().await;
        served
    }
}

/// Serves the metrics on a listener of their own, which need not be reachable from outside.
fn serve_metrics(
    listen: SocketAddr,
    state: &Arc<AppState>,
    requests: &RequestMetrics,
) -> Result<(Server, SocketAddr), StartError> {
    let exporter = Arc::new(metrics::Exporter::new(state, requests));
    let bound = actix_web::HttpServer::new(move || metrics::app(Arc::clone(&exporter)))
        .disable_signals()
        .workers(1)
        .bind(listen)
        .map_err(|cause| StartError::Listen { setting: "METRICS_LISTEN", address: listen, cause })?;
    let address = bound.addrs().first().copied().unwrap_or(listen);
    Ok((bound.run(), address))
}
