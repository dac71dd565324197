//! Helpers of several test programs: databases, the emulator of CometChat, and the server's binary.

#![allow(dead_code)] // each test program uses a part

pub mod canary;
pub mod cli_env;
pub mod consistency;

use reqwest::Client;
use sqlx::Connection as _;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

/// A password that the password policy accepts.
pub const PASSWORD: &str = "plum tractor yesterday";

/// Returns the URL of a new database: SQLite in this folder, or on the PostgreSQL server that `scripts/postgres` has
/// started.
#[allow(clippy::disallowed_methods)]
pub async fn new_database(folder: &Path) -> String {
    let Ok(server) = std::env::var("TEST_POSTGRES") else {
        return format!("sqlite://{}/test.db", folder.display());
    };
    let name = format!("t{}", uuid::Uuid::new_v4().simple());
    let mut connection = sqlx::PgConnection::connect(&format!("{server}/postgres")).await.unwrap();
    let create = sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"));
    sqlx::raw_sql(create).execute(&mut connection).await.unwrap();
    format!("{server}/{name}")
}

/// Returns whether [`new_database`] creates databases on PostgreSQL.
#[allow(clippy::disallowed_methods)]
pub fn uses_postgres() -> bool {
    std::env::var("TEST_POSTGRES").is_ok()
}

/// Starts an emulator of CometChat on the system's clock, and returns its URL.
pub fn emulator() -> String {
    let config = cometchat_emulator::Config { listen: "127.0.0.1:0".parse().unwrap(), ..Default::default() };
    let app = cometchat_emulator::App::build(config).unwrap();
    let url = format!("http://{}", app.address());
    tokio::spawn(app.run());
    url
}

/// Returns an HTTP client with a timeout of 30 s. It closes idle connections before the server does, so that it never
/// uses one that the server is closing.
#[allow(clippy::disallowed_methods)]
pub fn client() -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .timeout(Duration::from_secs(30))
        .pool_idle_timeout(Duration::from_secs(2))
        .build()
        .unwrap()
}

/// A server process, which ends with the test.
pub struct Server {
    child: Child,
    pub url: String,
}

/// The path of the server's binary.
pub const SERVER: &str = env!("CARGO_BIN_EXE_cometchat-auth");

impl Server {
    /// Starts the binary on a free port with these settings, without limits on logins. It logs to the file `log` in the
    /// folder.
    pub fn start(folder: &Path, settings: &[(&str, &str)]) -> Self {
        let mut command = Command::new(SERVER);
        command.stdin(Stdio::null());
        Self::start_by(command, folder, settings)
    }

    /// Like [`Server::start`], with a command that executes the binary.
    pub fn start_by(mut command: Command, folder: &Path, settings: &[(&str, &str)]) -> Self {
        command
            .current_dir(folder)
            .env_clear()
            .env("LISTEN", "127.0.0.1:0")
            .env("LOGIN_ATTEMPTS_PER_MINUTE", "0")
            .env("ACTIONS_PER_USER", "0")
            .env("COMETCHAT_CALLS_PER_MINUTE", "1000000")
            .envs(canary::settings())
            .envs(settings.iter().copied())
            .stderr(File::options().create(true).append(true).open(folder.join("log")).unwrap());
        Self::spawn(&mut command)
    }

    /// Starts a configured command, and waits until the server listens.
    pub fn spawn(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("listening on ").expect(&line).to_owned();
        Self { child, url }
    }

    /// Returns its host and port.
    pub fn address(&self) -> &str {
        self.url.strip_prefix("http://").unwrap()
    }

    /// Returns its port.
    pub fn port(&self) -> &str {
        self.url.rsplit(':').next().unwrap()
    }

    /// Returns its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }

    pub fn wait(mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until `condition` is true, and panics after 20 s.
pub async fn eventually<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    let wait = async {
        // Polls at an interval, so that the polling does not slow the server down.
        let mut looks = tokio::time::interval(Duration::from_millis(20));
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            if condition().await {
                return;
            }
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(20), wait).await.is_ok(), "timed out: {what}");
}
