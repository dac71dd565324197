//! The system under test: emulator and server as processes with their own data folder, and the emulator's
//! control API.

use crate::artifacts::{Artifacts, build_folder, canaries};
use crate::process::Process;
use anyhow::{Context, Result, ensure};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

const REST_API_KEY: &str = "emulator-rest-api-key";

pub struct User {
    pub id: &'static str,
    pub email: &'static str,
    pub name: &'static str,
    pub password: &'static str,
}

pub const GRACE: User =
    User { id: "grace", email: "grace@example.com", name: "Grace Hopper", password: "password" };

/// The user that exists in every test.
pub const DEMO: User =
    User { id: "test-user-id", email: "test@example.com", name: "Test User", password: "password" };

pub struct System {
    emulator: Process,
    /// `None` while it is stopped.
    server: Option<Process>,
    port: u16,
    settings: Vec<(String, String)>,
    data: TempDir,
    pub(crate) logs: PathBuf,
    pub http: Client,
}

impl System {
    pub(crate) async fn start(
        artifacts: &Artifacts,
        settings: &[(&str, &str)],
        is_populated: bool,
    ) -> Result<Self> {
        // Fails if another test of this process was first, which does not matter.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let logs = artifacts.folder().to_path_buf();
        let emulator = Process::start(
            &binary("cometchat-emulator")?,
            |command| {
                command.env_clear().env("RUST_LOG", "info").args(["--listen", "127.0.0.1:0"]);
                if is_populated {
                    command.arg("--demo");
                }
            },
            "listening on http://127.0.0.1:",
            logs.join("emulator.log"),
        )
        .await?;
        let mut system = Self {
            emulator,
            server: None,
            port: 0,
            settings: settings.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect(),
            data: data()?,
            logs,
            http: Client::builder().timeout(crate::TIMEOUT).build()?,
        };
        system.add_user(&DEMO)?;
        system.start_server().await?;
        let page = system.http.get(system.url("/")).send().await?;
        ensure!(page.status() == 200, "the server has no page: run `make test`, or scripts/build-frontend");
        Ok(system)
    }

    /// Starts the server, on its former port if it ran before.
    pub async fn start_server(&mut self) -> Result<()> {
        let server = Process::start(
            &binary("cometchat-auth")?,
            |command| self.configure(command.arg("serve")),
            "listening on http://127.0.0.1:",
            self.logs.join("server.log"),
        )
        .await?;
        self.port = server.port;
        self.server = Some(server);
        Ok(())
    }

    /// Stops the server, so that its port refuses connections.
    pub fn stop_server(&mut self) {
        self.server = None;
    }

    pub fn add_user(&self, user: &User) -> Result<()> {
        let mut command = Command::new(binary("cometchat-auth")?);
        self.configure(command.args(["user", "add", "--allow-weak-password", "--id", user.id]));
        command.args(["--email", user.email, "--name", user.name]);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        child.stdin.take().context("no standard input")?.write_all(user.password.as_bytes())?;
        let output = child.wait_with_output()?;
        ensure!(output.status.success(), "user add: {}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    }

    /// Configures the server without the developer's environment and `.env`.
    fn configure(&self, command: &mut Command) {
        command
            .env_clear()
            .current_dir(self.data.path())
            .env("RUST_LOG", if canaries().is_some() { "trace" } else { "info" })
            .env("LISTEN", format!("127.0.0.1:{}", self.port))
            .env("COMETCHAT_EMULATOR_URL", self.emulator_url(""))
            .envs(self.settings.iter().map(|(name, value)| (name, value)));
    }

    /// Returns the URL of a path, under the base path of `PUBLIC_URL` if it has one.
    pub fn url(&self, path: &str) -> String {
        let public = self.settings.iter().find(|(name, _)| name == "PUBLIC_URL").map(|(_, url)| url.as_str());
        let base = public.and_then(|url| url.split_once("://")?.1.split_once('/')).map(|(_, base)| base);
        let base = base.map(|base| format!("/{base}")).unwrap_or_default();
        format!("http://127.0.0.1:{}{base}{path}", self.port)
    }

    pub fn emulator_url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.emulator.port)
    }

    /// Returns the emulator's state: users with their tokens, sockets, messages and received calls.
    pub async fn cometchat(&self) -> Result<Value> {
        self.control(Method::GET, "/emulator/state", Value::Null).await
    }

    /// Adds a fault to CometChat, until [`System::heal_cometchat`].
    pub async fn break_cometchat(&self, fault: Value) -> Result<()> {
        self.control(Method::POST, "/emulator/faults", fault).await.map(drop)
    }

    pub async fn heal_cometchat(&self) -> Result<()> {
        self.control(Method::DELETE, "/emulator/faults", Value::Null).await.map(drop)
    }

    async fn control(&self, method: Method, path: &str, body: Value) -> Result<Value> {
        let mut request = self.http.request(method, self.emulator_url(path));
        if !body.is_null() {
            request = request.json(&body);
        }
        let response = request.send().await?.error_for_status()?.bytes().await?;
        if response.is_empty() { Ok(Value::Null) } else { Ok(serde_json::from_slice(&response)?) }
    }

    /// Closes the sockets of a user, as a network failure would.
    pub async fn cut_sockets(&self, uid: &str) -> Result<()> {
        self.control(Method::DELETE, &format!("/emulator/sockets/{uid}"), Value::Null).await.map(drop)
    }

    /// Sends a message from one user to another through the REST API.
    pub async fn send_message(&self, from: &str, to: &str, text: &str) -> Result<()> {
        let body = json!({"receiver": to, "receiverType": "user", "category": "message", "type": "text",
                          "data": {"text": text}});
        let request = self.http.post(self.emulator_url("/v3/messages")).header("apikey", REST_API_KEY);
        request.header("onBehalfOf", from).json(&body).send().await?.error_for_status()?;
        Ok(())
    }

    /// Renames a user at CometChat alone, as its dashboard or another client would.
    pub async fn rename_at_cometchat(&self, uid: &str, name: &str) -> Result<()> {
        let request = self.http.put(self.emulator_url(&format!("/v3/users/{uid}")));
        let request = request.header("apikey", REST_API_KEY).header("appid", "emulator");
        request.json(&json!({"name": name})).send().await?.error_for_status()?;
        Ok(())
    }

    /// Returns the name of a user at CometChat; `None` if there is no such user.
    pub async fn name(&self, uid: &str) -> Result<Option<String>> {
        let state = self.cometchat().await?;
        let user = list(&state, "users")?.iter().find(|user| user["uid"] == uid);
        Ok(user.and_then(|user| user["name"].as_str()).map(str::to_owned))
    }

    /// Returns the auth tokens of a user at CometChat.
    pub async fn tokens(&self, uid: &str) -> Result<Vec<String>> {
        let state = self.cometchat().await?;
        let user = list(&state, "users")?.iter().find(|user| user["uid"] == uid);
        let tokens = user.and_then(|user| user["tokens"].as_array());
        Ok(tokens.into_iter().flatten().filter_map(|token| token.as_str().map(str::to_owned)).collect())
    }

    /// Returns the number of open sockets on which CometChat has accepted a token of the user.
    pub async fn authenticated_sockets(&self, uid: &str) -> Result<usize> {
        let state = self.cometchat().await?;
        let mine = |socket: &&Value| socket["uid"] == uid && socket["authenticated"] == true;
        Ok(list(&state, "sockets")?.iter().filter(mine).count())
    }

    /// Returns how many auth tokens the server has requested from CometChat.
    pub async fn mints(&self) -> Result<usize> {
        let state = self.cometchat().await?;
        let mint = |call: &&Value| {
            call["method"] == "POST"
                && call["path"].as_str().is_some_and(|path| path.ends_with("/auth_tokens"))
        };
        Ok(list(&state, "calls")?.iter().filter(mint).count())
    }

    /// Revokes a token without the server, as CometChat's dashboard would.
    pub async fn revoke(&self, uid: &str, token: &str) -> Result<()> {
        let url = self.emulator_url(&format!("/v3/users/{uid}/auth_tokens/{token}"));
        let request = self.http.delete(url).header("apikey", REST_API_KEY).header("appid", "emulator");
        request.json(&json!({})).send().await?.error_for_status()?;
        Ok(())
    }
}

fn data() -> Result<TempDir> {
    Ok(match canaries() {
        None => tempfile::tempdir()?,
        Some(left) => tempfile::Builder::new().disable_cleanup(true).tempdir_in(left)?,
    })
}

fn list<'a>(state: &'a Value, name: &str) -> Result<&'a Vec<Value>> {
    state[name].as_array().with_context(|| format!("the emulator's state has no {name}"))
}

/// Returns the path of a binary: in `$E2E_BIN`, or next to this test in the target folder.
fn binary(name: &str) -> Result<PathBuf> {
    let folder = match std::env::var_os("E2E_BIN") {
        Some(folder) => PathBuf::from(folder),
        None => {
            let test = std::env::current_exe()?;
            let profile = test.ancestors().nth(2).and_then(Path::file_name).context("no profile folder")?;
            build_folder()?.join(profile)
        }
    };
    let path = folder.join(name);
    ensure!(path.is_file(), "{} is not built: run `make test`", path.display());
    Ok(path)
}
