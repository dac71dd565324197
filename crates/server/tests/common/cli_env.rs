//! The environment of an operator: a folder with a database, an emulator, and optionally a running server.

use super::{PASSWORD, SERVER, Server, canary};
use cometchat_auth::db::Db;
use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};
use shared::routes;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// A folder with a database, an emulator, and optionally a running server.
pub struct CliEnv {
    pub folder: TempDir,
    pub database: String,
    pub emulator: String,
    pub http: Client,
    pub server: Option<Server>,
}

impl CliEnv {
    pub async fn new() -> Self {
        let (http, emulator) = (super::client(), super::emulator());
        let folder = canary::folder();
        Self { database: super::new_database(folder.path()).await, folder, emulator, http, server: None }
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(SERVER);
        command.current_dir(self.folder.path()).env_clear().args(arguments);
        command.env("COMETCHAT_EMULATOR_URL", &self.emulator).env("LISTEN", "127.0.0.1:0");
        command.env("DATABASE_URL", &self.database).envs(canary::settings());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs a command with this standard input. Returns whether it succeeded, and its output.
    pub fn output(&self, arguments: &[&str], input: &str) -> (bool, String) {
        let mut child = self.command(arguments).spawn().unwrap();
        // A command that does not read may have ended already.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        let message = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        canary::secret(PASSWORD);
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

    pub fn serve(&mut self) {
        self.server = Some(Server::spawn(self.command(&[]).stderr(Stdio::null())));
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

    pub async fn db(&self) -> Db {
        Db::open(&self.database).await.unwrap()
    }

    /// Returns CometChat's users: name and number of tokens, by id.
    pub async fn cometchat(&self) -> BTreeMap<String, (String, usize)> {
        let url = format!("{}/emulator/state", self.emulator);
        let state: Value = self.http.get(url).send().await.unwrap().json().await.unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let known = |user: &Value| {
            (text(&user["uid"]), (text(&user["name"]), user["tokens"].as_array().unwrap().len()))
        };
        state["users"].as_array().unwrap().iter().map(known).collect()
    }

    pub async fn eventually_cometchat(
        &self,
        what: &str,
        holds: impl Fn(&BTreeMap<String, (String, usize)>) -> bool,
    ) {
        let mut looks = tokio::time::interval(Duration::from_millis(50));
        for _ in 0..600 {
            looks.tick().await;
            if holds(&self.cometchat().await) {
                return;
            }
        }
        panic!("timed out: {what}; there is {:?}", self.cometchat().await);
    }

    pub fn stop(&mut self) {
        self.server = None;
    }

    pub fn file(&self, name: &str, text: &str) -> String {
        std::fs::write(self.folder.path().join(name), text).unwrap();
        name.to_owned()
    }
}
