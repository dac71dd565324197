//! `cometchat-auth serve`: runs the server until a signal stops it.

use super::output::CliResult;
use crate::clock::Clock;
use crate::config::{Config, Sources};
use crate::server::Application;
use crate::telemetry;
use listenfd::ListenFd;
use std::io::Write as _;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

pub async fn run(sources: &Sources, sockets: &mut ListenFd) -> CliResult {
    let traces = telemetry::logging::start(sources)?;
    let config = Config::read(sources)?;
    for warning in &config.warnings {
        tracing::warn!(warning, "check the settings");
    }
    raise_fd_limit();
    let inherited = sockets.take_tcp_listener(0).map_err(|error| format!("LISTEN_FDS: {error}"))?;
    let public_url = config.public_url.clone();
    let cometchat = match &config.cometchat.emulator {
        Some(emulator) => format!("emulator at {emulator}"),
        None => format!("cloud, region {}", config.cometchat.region),
    };
    // Before the start, so that a signal during it is handled.
    let mut signals = ShutdownSignals::listen()?;
    let app = tokio::select! {
        app = Application::build(config, Clock::system(), inherited) => app?,
        () = signals.next() => {
            tracing::info!("stopped during startup");
            return Ok(());
        }
    };
    tokio::spawn(signals.apply(app.state().shutdown.clone()));
    let address = app.address();
    if let Some(address) = app.metrics_address() {
        tracing::info!(%address, "serving metrics");
    }
    tracing::info!(%address, %public_url, cometchat, "serving");
    // Tells a parent process the port, as soon as the server accepts connections.
    writeln!(std::io::stdout(), "listening on http://{address}")?;
    let result = app.run().await;
    tracing::info!("stopped");
    traces.finish().await;
    Ok(result?)
}

/// Raises the limit of open files to the maximum. Each connection is a file, and the default limit is often 1024.
fn raise_fd_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let maximum = getrlimit(Resource::Nofile).maximum;
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        tracing::warn!(%error, "cannot raise the limit of open files, which limits connections");
    }
}

/// The signals that stop the server: the first waits for requests in progress, the second does not.
struct ShutdownSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl ShutdownSignals {
    fn listen() -> std::io::Result<Self> {
        let terminate = signal(SignalKind::terminate())?;
        Ok(Self { terminate, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    async fn apply(mut self, shutdown: CancellationToken) {
        self.next().await;
        tracing::info!("shutting down: waiting for requests in progress");
        shutdown.cancel();
        self.next().await;
        tracing::warn!("stopped immediately by a second signal");
        std::process::exit(1);
    }
}
