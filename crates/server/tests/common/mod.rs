//! What several of the test programs need: a database of their own, CometChat, and the real binary.

#![allow(dead_code)] // each of them uses a part

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

/// Long enough that nobody guesses it, and none of zxcvbn's.
pub const PASSWORD: &str = "plum tractor yesterday";

/// The URL of a new database: in this folder, or at the PostgreSQL that `scripts/postgres` has started for
/// the tests.
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

/// Whether [`new_database`] gives databases that are at the other end of a line.
#[allow(clippy::disallowed_methods)]
pub fn is_on_postgres() -> bool {
    std::env::var("TEST_POSTGRES").is_ok()
}

/// An emulator of CometChat, on the system's clock: its URL.
pub fn emulator() -> String {
    let config = cometchat_emulator::Config { listen: "127.0.0.1:0".parse().unwrap(), ..Default::default() };
    let app = cometchat_emulator::App::build(config).unwrap();
    let url = format!("http://{}", app.address());
    tokio::spawn(app.run());
    url
}

/// A client that gives up after half a minute. It does not use a connection again that its server is about to close.
#[allow(clippy::disallowed_methods)]
pub fn client() -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .timeout(Duration::from_secs(30))
        .pool_idle_timeout(Duration::from_secs(2))
        .build()
        .unwrap()
}

/// A server process, ended with the test.
pub struct Server {
    child: Child,
    pub url: String,
}

/// The binary.
pub const SERVER: &str = env!("CARGO_BIN_EXE_cometchat-auth");

impl Server {
    /// Starts the binary with these settings and no others, on a free port. It logs to a file in this folder.
    pub fn start(folder: &Path, settings: &[(&str, &str)]) -> Self {
        let mut command = Command::new(SERVER);
        command.stdin(Stdio::null());
        Self::start_by(command, folder, settings)
    }

    /// The same by a command that becomes the binary.
    pub fn start_by(mut command: Command, folder: &Path, settings: &[(&str, &str)]) -> Self {
        let mut child = command
            .current_dir(folder)
            .env_clear()
            .env("LISTEN", "127.0.0.1:0")
            .env("LOGIN_ATTEMPTS_PER_MINUTE", "0")
            .env("ACTIONS_PER_USER", "0")
            .env("COMETCHAT_CALLS_PER_MINUTE", "1000000")
            .envs(canary::settings())
            .envs(settings.iter().copied())
            .stdout(Stdio::piped())
            .stderr(File::options().create(true).append(true).open(folder.join("log")).unwrap())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("listening on ").expect(&line).to_owned();
        Self { child, url }
    }

    /// Its port, for proxies.
    pub fn port(&self) -> &str {
        self.url.rsplit(':').next().unwrap()
    }

    /// Of its process.
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

/// Waits until `condition` holds; fails when it does not within twenty seconds.
pub async fn eventually<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    let wait = async {
        // A pace, so that looking does not keep from happening what is looked for.
        let mut looks = tokio::time::interval(Duration::from_millis(20));
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            if condition().await {
                return;
            }
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(20), wait).await.is_ok(), "never: {what}");
}
