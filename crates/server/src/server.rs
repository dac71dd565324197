//! The one place where everything is put together: settings → pools, clients, workers → the HTTP server.

use crate::clock::Clock;
use crate::cometchat::budget::CallBudget;
use crate::cometchat::{ChatService, client, key_fingerprints, worker};
use crate::config::Config;
use crate::crypto::seal::{Sealer, SecretKey};
use crate::db::{Db, OpenError};
use crate::http;
use crate::maintenance;
use crate::passwords::Hasher;
use crate::state::AppState;
use crate::telemetry::audit::Audit;
use crate::telemetry::metrics;
use crate::throttle::{device_cookie::DeviceCookieSigner, token_bucket::AddressLimit, user_limit::UserLimit};
use crate::users::hash_kinds;
use actix_web::dev::{Server, ServerHandle};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Jobs that are done at CometChat at once: it takes ten thousand a minute, but answers slowly.
const WORKERS: usize = 4;
/// How long requests under way may take to end when the server stops, in seconds; and after them the jobs.
const SHUTDOWN_TIMEOUT_SECONDS: u64 = 10;

/// How long a server that was told to stop still takes requests. Each answer closes its connection meanwhile, so
/// that no client sends its next request into a connection that is just being closed.
const DRAIN_DELAY: Duration = Duration::from_millis(300);
/// How long those who have knocked by then have to be taken in, while nobody else can: the way to most clients and
/// back, and a busy machine.
const ACCEPT_DRAIN: Duration = Duration::from_millis(300);

/// Why the server cannot start, in one line that says what to do.
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
    #[error("cannot start the hashing threads: {0}")]
    Hasher(std::io::Error),
    #[error("cannot make the HTTP client: {0}")]
    HttpClient(#[from] reqwest::Error),
}

/// A server that is bound to its port and ready to run.
pub struct Application {
    address: SocketAddr,
    metrics_address: Option<SocketAddr>,
    listener: TcpListener,
    server: Server,
    metrics: Option<Server>,
    background: JoinSet<()>,
    state: Arc<AppState>,
}

impl Application {
    /// Puts the server together. Call it on a multi-threaded tokio runtime: background work goes there.
    pub async fn build(config: Config, clock: Clock) -> Result<Self, StartError> {
        let http_state = Arc::new(http::state::HttpState::new(&config, clock.clone()));
        let db = Db::open(config.core.database_url.expose()).await?;
        let key = &config.core.secret_key.0;
        let fallbacks: Vec<SecretKey> =
            config.core.secret_key_fallbacks.iter().map(|key| key.0.clone()).collect();
        key_fingerprints::check_or_record(&db, key, &fallbacks, clock.now()).await?;
        let hasher = Hasher::start(config.core.argon2.clone(), config.core.password_hash_threads)
            .map_err(StartError::Hasher)?;
        if let Err(error) = hash_kinds::share(&db, &hasher).await {
            tracing::error!(%error, "the kinds of password hashes could not be looked up");
        }
        let sealer = Sealer::new(key, &fallbacks);
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
            device_cookies: DeviceCookieSigner::new(key, &fallbacks),
            password_min_length: config.core.password_min_length,
            chat: Arc::clone(&chat),
            session_lifetime: config.lifetime,
            assertion_keys: config.assertion_keys.into_iter().map(|key| key.0).collect(),
            audit: Audit::default(),
            shutdown: CancellationToken::new(),
            runtime: tokio::runtime::Handle::current(),
        });

        let no_port = |cause| StartError::Listen { setting: "LISTEN", address: config.listen, cause };
        let listener = http::server::listen(config.listen).map_err(no_port)?;
        let address = listener.local_addr().map_err(no_port)?;
        let app = (Arc::clone(&state), Arc::clone(&http_state));
        let listening = listener.try_clone().map_err(no_port)?;
        let server = http::server::serve(listening, app, config.request_timeout, SHUTDOWN_TIMEOUT_SECONDS)
            .map_err(no_port)?;
        let (metrics, metrics_address) = match config.metrics_listen {
            Some(listen) => {
                let (server, address) = serve_metrics(listen, &state, &http_state)?;
                (Some(server), Some(address))
            }
            None => (None, None),
        };

        let mut background = JoinSet::new();
        for _ in 0..WORKERS {
            let chat = Arc::clone(&chat);
            let stopping = state.shutdown.clone();
            background.spawn(async move { worker::run(&chat, &stopping).await });
        }
        background.spawn(maintenance::run(Arc::clone(&state)));
        Ok(Self { address, metrics_address, listener, server, metrics, background, state })
    }

    /// Where it listens: the port that the system gave, when it was asked for any.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it tells its metrics, if it does.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics_address
    }

    /// What its requests work with.
    pub fn state(&self) -> Arc<AppState> {
        Arc::clone(&self.state)
    }

    /// Something to stop the server with at once.
    pub fn handle(&self) -> ServerHandle {
        self.server.handle()
    }

    /// Something to stop the server with so that nobody notices.
    pub fn shutdown_handle(&self) -> std::io::Result<ShutdownHandle> {
        Ok(ShutdownHandle {
            state: self.state(),
            listener: self.listener.try_clone()?,
            server: self.handle(),
        })
    }

    /// Serves until it is told to stop, then ends what is under way: first the requests, then the jobs.
    pub async fn run(mut self) -> std::io::Result<()> {
        // The port is closed with the last of its listeners.
        drop(self.listener);
        let metrics = self.metrics.map(|server| (server.handle(), tokio::spawn(server)));
        let served = self.server.await;
        self.state.shutdown.cancel();
        let ended = async { while self.background.join_next().await.is_some() {} };
        if tokio::time::timeout(Duration::from_secs(SHUTDOWN_TIMEOUT_SECONDS), ended).await.is_err() {
            // A job that is cut short is done again after the next start.
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

/// Stops a running server so that no request is lost.
pub struct ShutdownHandle {
    state: Arc<AppState>,
    listener: TcpListener,
    server: ServerHandle,
}

impl ShutdownHandle {
    /// Returns when all requests are answered, or were given up ([`App::run`] goes on with the jobs).
    pub async fn stop(self) {
        self.state.shutdown.cancel();
        tokio::time::sleep(DRAIN_DELAY).await;
        http::server::let_nobody_in(&self.listener);
        drop(self.listener);
        tokio::time::sleep(ACCEPT_DRAIN).await;
        self.server.stop(true).await;
    }
}

/// Prometheus comes to a listener of its own, which need not be reachable from outside.
fn serve_metrics(
    listen: SocketAddr,
    state: &Arc<AppState>,
    http_state: &Arc<http::state::HttpState>,
) -> Result<(Server, SocketAddr), StartError> {
    let exporter = Arc::new(metrics::Exporter::new(state, &http_state.requests));
    let bound = actix_web::HttpServer::new(move || metrics::app(Arc::clone(&exporter)))
        .disable_signals()
        .workers(1)
        .bind(listen)
        .map_err(|cause| StartError::Listen { setting: "METRICS_LISTEN", address: listen, cause })?;
    let address = bound.addrs().first().copied().unwrap_or(listen);
    Ok((bound.run(), address))
}
