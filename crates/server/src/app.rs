//! The one place where everything is put together: settings → pools, clients, workers → the HTTP server.

use crate::users::hash_kinds;
use crate::audit::Audit;
use crate::cometchat::budget::CallBudget;
use crate::cometchat::seal::{Sealer, SecretKey};
use crate::cometchat::{ChatService, client, fingerprints, worker};
use crate::clock::Clock;
use crate::config::Config;
use crate::db::{Db, OpenError};
use crate::http;
use crate::maintenance;
use crate::passwords::Hasher;
use crate::sessions::Lifetime;
use crate::spent;
use crate::throttle::{token_bucket::AddressLimit, device_cookie::DeviceCookieSigner, user::UserLimit};
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

/// What a request works with. One for the whole process.
pub struct AppState {
    pub db: Db,
    pub clock: Clock,
    pub hasher: Hasher,
    pub address_limit: AddressLimit,
    pub device_cookies: DeviceCookieSigner,
    /// Whose turn it is to have a new password judged.
    pub policy_check_slots: Semaphore,
    /// How much of CometChat each user may cause.
    pub user_limit: UserLimit,
    /// Code points that a new password needs.
    pub password_min_length: usize,
    pub chat: Arc<ChatService>,
    pub session_lifetime: Lifetime,
    /// What another server signs with that hands its users over: one of these. None: no server does.
    pub assertion_keys: Vec<SecretKey>,
    pub audit: Audit,
    /// Cancelled when the server has been told to stop: nobody should send it anything new.
    pub shutdown: CancellationToken,
    /// Work is done on this runtime and not on the HTTP workers' own ones, see [`Services::complete`].
    runtime: tokio::runtime::Handle,
}

impl AppState {
    /// Does a request's work to its end, also when the request is dropped half way because the client
    /// hung up. It runs on the shared runtime, where the connections to the database and to CometChat
    /// live: on a worker's own runtime, one busy worker would hold up the connections of all.
    pub async fn run_to_completion<T, F>(
        self: &Arc<Self>,
        work: impl FnOnce(Arc<Self>) -> F,
    ) -> Result<T, tokio::task::JoinError>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        use tracing::Instrument as _;
        let work = spent::scope(spent::current(), work(Arc::clone(self)));
        self.runtime.spawn(work.instrument(tracing::Span::current())).await
    }
}

/// Why the server cannot start, in one line that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Database(#[from] OpenError),
    #[error(transparent)]
    Key(#[from] fingerprints::KeyError),
    #[error(
        "{setting}: cannot serve on {address}: {cause}. Is another server running there? Set {setting} to another port"
    )]
    Listen { setting: &'static str, address: SocketAddr, cause: std::io::Error },
    #[error("cannot start the hashing threads: {0}")]
    Hasher(std::io::Error),
    #[error("cannot make the HTTP client: {0}")]
    HttpClient(reqwest::Error),
}

/// A server that is bound to its port and ready to run.
pub struct Application {
    address: SocketAddr,
    metrics_address: Option<SocketAddr>,
    listener: TcpListener,
    server: Server,
    metrics: Option<Server>,
    background: JoinSet<()>,
    services: Arc<AppState>,
}

impl Application {
    /// Puts the server together. Call it on a multi-threaded tokio runtime: background work goes there.
    pub async fn build(config: Config, clock: Clock) -> Result<Self, StartError> {
        let site = Arc::new(http::HttpState::new(&config, clock.clone()));
        let db = Db::open(config.core.database_url.expose()).await?;
        let key = &config.core.secret_key.0;
        let fallbacks: Vec<SecretKey> =
            config.core.secret_key_fallbacks.iter().map(|key| key.0.clone()).collect();
        fingerprints::check_or_record(&db, key, &fallbacks, clock.now()).await?;
        let hasher = Hasher::start(config.core.argon2.clone(), config.core.password_hash_threads)
            .map_err(StartError::Hasher)?;
        if let Err(error) = hash_kinds::share(&db, &hasher).await {
            tracing::error!(%error, "the kinds of password hashes could not be looked up");
        }
        let sealer = Sealer::new(key, &fallbacks);
        let endpoint = client::Client::new(
            http_client(config.cometchat.emulator.is_some())?,
            config.cometchat.endpoint.clone(),
            CallBudget::new(config.cometchat.calls_per_minute, clock.clone()),
        );
        let chat = Arc::new(ChatService::new(endpoint, sealer, db.clone(), clock.clone()));
        let services = Arc::new(AppState {
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
        let listener = http::connection::listen(config.listen).map_err(no_port)?;
        let address = listener.local_addr().map_err(no_port)?;
        let app = (Arc::clone(&services), Arc::clone(&site));
        let listening = listener.try_clone().map_err(no_port)?;
        let server = http::connection::serve(listening, app, config.request_timeout, SHUTDOWN_TIMEOUT_SECONDS)
            .map_err(no_port)?;
        let (metrics, metrics_address) = match config.metrics_listen {
            Some(listen) => {
                let (server, address) = serve_metrics(listen, &services, &site)?;
                (Some(server), Some(address))
            }
            None => (None, None),
        };

        let mut background = JoinSet::new();
        for _ in 0..WORKERS {
            let chat = Arc::clone(&chat);
            let stopping = services.shutdown.clone();
            background.spawn(async move { worker::run(&chat, &stopping).await });
        }
        background.spawn(maintenance::run(Arc::clone(&services)));
        Ok(Self { address, metrics_address, listener, server, metrics, background, services })
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
        Arc::clone(&self.services)
    }

    /// Something to stop the server with at once.
    pub fn handle(&self) -> ServerHandle {
        self.server.handle()
    }

    /// Something to stop the server with so that nobody notices.
    pub fn shutdown_handle(&self) -> std::io::Result<ShutdownHandle> {
        Ok(ShutdownHandle { services: self.state(), listener: self.listener.try_clone()?, server: self.handle() })
    }

    /// Serves until it is told to stop, then ends what is under way: first the requests, then the jobs.
    pub async fn run(mut self) -> std::io::Result<()> {
        // The port is closed with the last of its listeners.
        drop(self.listener);
        let metrics = self.metrics.map(|server| (server.handle(), tokio::spawn(server)));
        let served = self.server.await;
        self.services.shutdown.cancel();
        let ended = async { while self.background.join_next().await.is_some() {} };
        if tokio::time::timeout(Duration::from_secs(SHUTDOWN_TIMEOUT_SECONDS), ended).await.is_err() {
            // A job that is cut short is done again after the next start.
            self.background.shutdown().await;
        }
        if let Some((handle, task)) = metrics {
            handle.stop(false).await;
            let _ = task.await;
        }
        self.services.db.close().await;
        served
    }
}

/// Stops a running server so that no request is lost.
pub struct ShutdownHandle {
    services: Arc<AppState>,
    listener: TcpListener,
    server: ServerHandle,
}

impl ShutdownHandle {
    /// Returns when all requests are answered, or were given up ([`App::run`] goes on with the jobs).
    pub async fn stop(self) {
        self.services.shutdown.cancel();
        tokio::time::sleep(DRAIN_DELAY).await;
        http::connection::let_nobody_in(&self.listener);
        drop(self.listener);
        tokio::time::sleep(ACCEPT_DRAIN).await;
        self.server.stop(true).await;
    }
}

/// Prometheus comes to a listener of its own, which need not be reachable from outside.
fn serve_metrics(
    listen: SocketAddr,
    services: &Arc<AppState>,
    site: &Arc<http::HttpState>,
) -> Result<(Server, SocketAddr), StartError> {
    let exporter = Arc::new(http::metrics::Exporter::new(services, site));
    let bound = actix_web::HttpServer::new(move || http::metrics::app(Arc::clone(&exporter)))
        .disable_signals()
        .workers(1)
        .bind(listen)
        .map_err(|cause| StartError::Listen { setting: "METRICS_LISTEN", address: listen, cause })?;
    let address = bound.addrs().first().copied().unwrap_or(listen);
    Ok((bound.run(), address))
}

/// The client for CometChat. It follows no redirect, because it would take the API key along. `stays_here`: what it
/// asks is on this machine, and not behind a proxy that the environment names.
#[allow(clippy::disallowed_methods)] // the one place
pub fn http_client(stays_here: bool) -> Result<reqwest::Client, StartError> {
    install_crypto_provider();
    let client = reqwest::Client::builder();
    let client = if stays_here { client.no_proxy() } else { client };
    client
        .user_agent(concat!("cometchat-auth/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(2))
        .timeout(Duration::from_secs(10))
        .pool_idle_timeout(Duration::from_secs(90))
        .build()
        .map_err(StartError::HttpClient)
}

/// What TLS is made of, for whatever speaks it in this process.
pub fn install_crypto_provider() {
    // Fails only when there is one already, which is then as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
