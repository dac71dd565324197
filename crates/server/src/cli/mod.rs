//! The command line: `serve`, `check`, `calibrate`, `user …`, `chat …`, `copy-from`, `healthcheck`.

mod benchmark;
mod chat;
mod check;
pub(crate) mod import_users;
mod migrate_sqlite;
pub(crate) mod users;

use crate::clock::Clock;
use crate::config::{self, Config, Sources, ValueSource};
use crate::server::Application;
use crate::telemetry;
use actix_web::cookie::time::{OffsetDateTime, format_description::well_known::Rfc3339};
use clap::{Arg, ArgAction, ArgMatches, Command};
use listenfd::ListenFd;
use std::collections::BTreeSet;
use std::error::Error;
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

type CliResult = Result<(), Box<dyn Error>>;

fn command() -> Command {
    Command::new("cometchat-auth")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Signs an app's users in to the app and to CometChat.")
        .after_help(
            "Settings are read from flags, then the environment, then the file .env in the current folder.",
        )
        .args(config::flags())
        .subcommand(
            Command::new("serve").about("Serves the API and the page (also when no command is given)"),
        )
        .subcommand(users::command())
        .subcommand(chat::command())
        .subcommand(migrate_sqlite::command())
        .subcommand(check::command())
        .subcommand(benchmark::command())
        .subcommand(Command::new("healthcheck").about("Asks the server at LISTEN whether it is ready"))
}

/// Runs the command that the process was given.
#[allow(clippy::disallowed_methods)] // the one place that reads the environment
pub fn main() -> ExitCode {
    // Whatever is written from here on is for this user alone.
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    // Before there is any other thread, and before clap looks at the environment.
    let before: BTreeSet<String> = environment().map(|(name, _)| name).collect();
    // Of this folder, and not also of those above it: they may be anybody's.
    // A folder of that name is somebody's Python.
    if !Path::new(".env").is_dir()
        && let Err(error) = dotenvy::from_path(".env")
        && !error.not_found()
    {
        return fail(&match error {
            // It would quote the line, which may have a secret in it.
            dotenvy::Error::LineParse(..) => {
                "the file .env cannot be read: a line is not NAME=value. A value with \
                 spaces or other signs than letters and digits goes into single quotes"
                    .to_owned()
            }
            error => format!("the file .env cannot be read: {error}"),
        });
    }
    let matches = command().get_matches();
    let environment = environment().map(|(name, value)| {
        let origin = if before.contains(&name) { ValueSource::Environment } else { ValueSource::DotEnv };
        (name, value, origin)
    });
    let sources = Sources::new(&matches, environment);
    match run(&matches, sources) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error.to_string()),
    }
}

/// What is set and is text: other programs' variables may be anything.
#[allow(clippy::disallowed_methods)]
fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

fn fail(words: &str) -> ExitCode {
    // Nothing is left to tell it to when standard error is closed.
    let _ = writeln!(std::io::stderr(), "cometchat-auth: {words}");
    ExitCode::FAILURE
}

fn run(matches: &ArgMatches, mut sources: Sources) -> CliResult {
    // This changes the environment, which is unsafe once there are other threads.
    let mut sockets = ListenFd::from_env();
    // Half of the processors: the HTTP workers have runtimes of their own, and each thread more is one more to be
    // woken for the next step of a request, only to find that another has taken it.
    let threads = std::thread::available_parallelism().map_or(1, |processors| processors.get().div_ceil(2));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build()?;
    let done = match matches.subcommand() {
        None | Some(("serve", _)) => runtime.block_on(serve(&sources, &mut sockets)),
        Some(("user", matches)) => {
            sources.read_only = !users::may_create_database(matches);
            runtime.block_on(users::run(matches, &sources))
        }
        Some(("chat", matches)) => {
            sources.read_only = true;
            runtime.block_on(chat::run(matches, &sources))
        }
        Some(("copy-from", matches)) => {
            sources.read_only = true;
            runtime.block_on(migrate_sqlite::run(matches, &sources))
        }
        Some(("calibrate", matches)) => benchmark::run(matches, sources),
        Some(("check", _)) => runtime.block_on(check::run(sources)),
        Some(("healthcheck", _)) => runtime.block_on(healthcheck(&sources)),
        // clap refuses every other word.
        Some(_) => Ok(()),
    };
    // A name that is still being looked up, say, holds nobody up.
    runtime.shutdown_background();
    done
}

/// An option that is there or not.
fn flag(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
}

/// A time as people and programs read it: like `2026-11-22T09:30:00Z`.
fn date(unix_seconds: i64) -> String {
    OffsetDateTime::from_unix_timestamp(unix_seconds)
        .ok()
        .and_then(|time| time.format(&Rfc3339).ok())
        .unwrap_or_else(|| unix_seconds.to_string())
}

async fn serve(sources: &Sources, sockets: &mut ListenFd) -> CliResult {
    let traces = telemetry::logging::start(sources)?;
    let config = Config::read(sources)?;
    raise_fd_limit();
    let inherited = sockets.take_tcp_listener(0).map_err(|error| format!("LISTEN_FDS: {error}"))?;
    let public_url = config.public_url.clone();
    let place = match &config.cometchat.emulator {
        Some(emulator) => format!("the emulator at {emulator}"),
        None => format!("CometChat ({})", config.cometchat.region),
    };
    // Listened for before anybody can know that we serve: no signal is lost.
    let mut stop = ShutdownSignals::listen()?;
    let app = tokio::select! {
        app = Application::build(config, Clock::system(), inherited) => app?,
        () = stop.next() => {
            tracing::info!("stopped before it served");
            return Ok(());
        }
    };
    tokio::spawn(stop.apply(app.state().shutdown.clone()));
    let address = app.address();
    if let Some(address) = app.metrics_address() {
        tracing::info!(%address, "metrics at /metrics");
    }
    tracing::info!(%address, %public_url, cometchat = place, "serving");
    // For programs that have started this one: the port, once it can be connected to.
    writeln!(std::io::stdout(), "listening on http://{address}")?;
    let served = app.run().await;
    tracing::info!("stopped");
    traces.finish().await;
    served?;
    Ok(())
}

/// Takes as many open files as the system lets this process have: each connection is one, and what a process begins
/// with is often 1024, for the sake of programs of long ago.
fn raise_fd_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let maximum = getrlimit(Resource::Nofile).maximum;
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        tracing::warn!(%error, "not as many connections as there could be: the limit of open files stays as it is");
    }
}

/// The signals that end a server: the first lets requests under way finish, a second does not wait.
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
        tracing::info!("stopping: requests under way may finish");
        shutdown.cancel();
        self.next().await;
        tracing::warn!("stopped at once, by a second signal");
        std::process::exit(1);
    }
}

/// For Docker and for scripts: success means that the server can serve.
async fn healthcheck(sources: &Sources) -> CliResult {
    let mut address: SocketAddr = sources.get("LISTEN").unwrap_or("127.0.0.1:3000").parse()?;
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    let url = format!("http://{address}{}", shared::routes::READYZ);
    let request = crate::cometchat::client::http_client(true)?.get(&url).timeout(Duration::from_secs(3));
    let status = request.send().await.map_err(|error| format!("no answer from {url}: {error}"))?.status();
    if status.is_success() {
        writeln!(std::io::stdout(), "ready")?;
        Ok(())
    } else {
        Err(format!("{url} answers {status}").into())
    }
}
