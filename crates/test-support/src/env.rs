//! The environment of a server's binary: a folder with a database, an emulator, and the server while it runs.

use crate::process::configured;
use crate::{PASSWORD, Process, SECRET_KEY, TestEmulator, Users, binary, canary, command, eventually};
use cometchat_auth::db::Db;
use reqwest::{Client, Response, StatusCode};
use serde_json::json;
use shared::routes;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// A folder with a database, an emulator, and the server while it runs.
pub struct TestEnv {
    pub folder: TempDir,
    /// The file to which servers log.
    pub log: PathBuf,
    pub database: String,
    pub emulator: TestEmulator,
    pub http: Client,
    /// Further settings of servers and commands.
    pub settings: Vec<(&'static str, String)>,
    pub server: Option<Process>,
}

impl TestEnv {
    /// Creates an environment without a running server.
    pub async fn new() -> Self {
        Self::with_emulator(TestEmulator::start()).await
    }

    pub async fn with_emulator(emulator: TestEmulator) -> Self {
        let folder = canary::folder();
        let settings = vec![("SECRET_KEY", SECRET_KEY.to_owned())];
        let (database, http) = (crate::new_database(folder.path()).await, emulator.http.clone());
        let log = folder.path().join("log");
        Self { folder, log, database, emulator, http, settings, server: None }
    }

    /// Configures a command that executes the server.
    fn configured(&self, command: Command) -> Command {
        let mut settings =
            vec![("DATABASE_URL", &*self.database), ("COMETCHAT_EMULATOR_URL", &self.emulator.url)];
        settings.extend(self.settings.iter().map(|(name, value)| (*name, value.as_str())));
        configured(command, self.folder.path(), &settings)
    }

    /// Returns a command of the binary with these arguments.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.configured(command(binary("cometchat-auth")));
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs a command with this standard input. Returns whether it succeeded, and its output.
    pub fn output(&self, arguments: &[&str], input: &str) -> (bool, String) {
        let mut child = self.command(arguments).spawn().unwrap();
        // A command that does not read may have ended already.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        let message = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        canary::input(input);
        canary::response(&message);
        (output.status.success(), message)
    }

    /// Runs a command that must succeed, and returns its output.
    pub fn run(&self, arguments: &[&str], input: &str) -> String {
        let (well, message) = self.output(arguments, input);
        assert!(well, "{arguments:?}: {message}");
        message
    }

    /// Runs a command that must fail, and returns its output.
    pub fn run_failing(&self, arguments: &[&str], input: &str) -> String {
        let (well, message) = self.output(arguments, input);
        assert!(!well && !message.contains("panicked"), "{arguments:?}: {message}");
        message
    }

    pub fn add(&self, id: &str) {
        let email = format!("{id}@example.com");
        self.run(&["user", "add", "--id", id, "--email", &email, "--name", "Before"], PASSWORD);
    }

    /// Starts a server. The one that has run so far is killed.
    pub fn start(&mut self) -> &Process {
        self.start_by(command(binary("cometchat-auth")))
    }

    /// Like [`TestEnv::start`], with a command that executes the server.
    pub fn start_by(&mut self, command: Command) -> &Process {
        let server = Process::start(self.configured(command), &self.log);
        self.server.insert(server.unwrap_or_else(|error| panic!("{error}")))
    }

    /// Kills the server.
    pub fn kill(&mut self) {
        self.server = None;
    }

    pub async fn login(&self, email: &str, password: &str) -> StatusCode {
        self.login_response(email, password).await.status()
    }

    pub async fn login_response(&self, email: &str, password: &str) -> Response {
        let body = json!({"email": email, "password": password});
        self.http.post(self.url(routes::LOGIN)).json(&body).send().await.unwrap()
    }

    pub fn url(&self, route: &str) -> String {
        format!("{}{route}", self.server.as_ref().unwrap().url)
    }

    /// Opens the test's own connections to the database.
    pub async fn db(&self) -> Db {
        Db::open(&self.database).await.unwrap()
    }

    pub async fn eventually_cometchat(&self, what: &str, holds: impl Fn(&Users) -> bool) {
        eventually(what, || async { holds(&self.emulator.users().await) }).await;
    }

    pub fn file(&self, name: &str, text: &str) -> String {
        std::fs::write(self.folder.path().join(name), text).unwrap();
        name.to_owned()
    }
}
