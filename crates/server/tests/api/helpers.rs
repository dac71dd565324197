//! A running server with its emulator.

pub use crate::browser::{Browser, failure};
pub use crate::common::eventually;
use crate::common::{canary, new_database};
use cometchat_auth::clock::Clock;
use cometchat_auth::cometchat::ChatService;
use cometchat_auth::cometchat::client::Endpoint;
use cometchat_auth::config::{CometChat, Config, CoreConfig};
use cometchat_auth::crypto::seal::SecretKey;
use cometchat_auth::db::Db;
use cometchat_auth::passwords::{self, Hasher, Password};
use cometchat_auth::server::Application;
use cometchat_auth::sessions::Lifetime;
use cometchat_auth::state::AppState;
use cometchat_auth::users::{self, User};
use reqwest::Method;
use serde_json::{Value, json};
use shared::{LoginResponse, Secret};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tempfile::TempDir;
use tokio::task::JoinHandle;

pub const UID: &str = "test-user-id";
pub const EMAIL: &str = "test@example.com";
pub const PASSWORD: &str = "password";

pub const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A server, its database and its emulator.
pub struct TestApp {
    pub url: String,
    metrics: Option<SocketAddr>,
    pub clock: Clock,
    /// The test's own connection to the database, without the fault proxy.
    pub db: Db,
    pub emulator: Emulator,
    pub config: Config,
    state: Arc<AppState>,
    /// Ends with the server.
    running: JoinHandle<std::io::Result<()>>,
    _folder: Option<TempDir>,
}

impl Drop for TestApp {
    fn drop(&mut self) {
        self.state.shutdown.cancel();
    }
}

impl TestApp {
    /// Starts a server with the demo user.
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// Starts a server with the demo user and changed settings.
    pub async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        canary::log_everything();
        let clock = Clock::manual(1_790_000_000);
        let emulator = Emulator::start(&clock);
        let folder = canary::folder();
        let mut config = config(&emulator);
        let database_url = new_database(folder.path()).await;
        let db = Db::open(&database_url).await.unwrap();
        config.core.database_url = Secret::new(database_url);
        change(&mut config);
        let mut app = Self::run(config, clock, emulator, db).await;
        app._folder = Some(folder);
        app.add_user(UID, EMAIL, "Test User", Some(PASSWORD)).await;
        app
    }

    async fn run(config: Config, clock: Clock, emulator: Emulator, db: Db) -> Self {
        let app = Application::build(config.clone(), clock.clone(), None).await.unwrap();
        let url = format!("http://{}", app.address());
        let metrics = app.metrics_address();
        let state = app.state();
        let running = tokio::spawn(app.run());
        Self { url, metrics, clock, db, emulator, config, state, running, _folder: None }
    }

    /// Stops the server and starts it again on the same database.
    pub async fn restart(mut self) -> Self {
        self.state.shutdown.cancel();
        (&mut self.running).await.unwrap().unwrap();
        let folder = self._folder.take();
        let (config, clock, emulator) = (self.config.clone(), self.clock.clone(), self.emulator.clone());
        let mut next = Self::run(config, clock, emulator, self.db.clone()).await;
        next._folder = folder;
        next
    }

    /// Adds a user to the database, and not to CometChat.
    pub async fn add_user(&self, id: &str, email: &str, name: &str, password: Option<&str>) {
        let hash = match password {
            Some(password) => Some(self.hash(password).await),
            None => None,
        };
        let user = User { id: id.into(), email: email.into(), name: name.into() };
        let mut tx = self.db.begin().await.unwrap();
        users::insert(&mut tx, &user, hash.as_deref(), self.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn hash(&self, password: &str) -> String {
        let hasher = Hasher::start(self.config.core.argon2.clone(), 1).unwrap();
        hasher.hash(Password::new(password)).await.unwrap()
    }

    /// Returns a browser without cookies.
    pub fn browser(&self) -> Browser {
        Browser::new(self.emulator.http.clone(), self.url.clone())
    }

    /// Returns a browser with this session cookie.
    pub fn browser_with(&self, cookie: Option<String>) -> Browser {
        let mut browser = self.browser();
        browser.cookie = cookie;
        browser
    }

    /// Logs the demo user in, and returns the browser and the response.
    pub async fn signed_in(&self) -> (Browser, LoginResponse) {
        let mut browser = self.browser();
        let response = browser.sign_in(EMAIL, PASSWORD).await;
        (browser, response)
    }

    /// Returns the state of the server.
    pub fn state(&self) -> &AppState {
        &self.state
    }

    pub fn hasher(&self) -> &Hasher {
        &self.state.hasher
    }

    /// Returns the number of password hashes that the server has computed.
    pub fn hashes(&self) -> u64 {
        self.hasher().computed()
    }

    /// Returns the server's access to CometChat.
    pub fn chat(&self) -> &ChatService {
        &self.state.chat
    }

    /// Returns the number of the server's database connections.
    pub fn open_connections(&self) -> usize {
        self.state.db.connections().0
    }

    /// Returns the metrics of the server.
    pub async fn metrics(&self) -> String {
        let url = format!("http://{}/metrics", self.metrics.unwrap());
        let metrics = self.emulator.http.get(url).send().await.unwrap().text().await.unwrap();
        canary::response(&metrics);
        metrics
    }

    /// Returns the single number that the statement returns.
    pub async fn count(&self, sql: &'static str) -> i64 {
        self.db.fetch_all::<(i64,)>(sql, &[]).await.unwrap()[0].0
    }
}

fn config(emulator: &Emulator) -> Config {
    Config {
        listen: "127.0.0.1:0".parse().unwrap(),
        metrics_listen: None,
        public_url: "http://localhost:3000".parse().unwrap(),
        cometchat: CometChat {
            endpoint: Endpoint {
                base: format!("{}/v3", emulator.url).parse().unwrap(),
                app_id: "emulator".into(),
                api_key: Secret::new("emulator-rest-api-key"),
            },
            region: "us".into(),
            calls_per_minute: 1_000_000,
            emulator: Some(emulator.url.parse().unwrap()),
        },
        allowed_origins: Vec::new(),
        trusted_proxies: Vec::new(),
        request_timeout: Duration::from_secs(60),
        login_attempts_per_minute: 0,
        actions_per_user: 0,
        lifetime: Lifetime { idle: 7 * 86_400, max: 30 * 86_400 },
        registration_is_open: true,
        assertion_keys: Vec::new(),
        core: CoreConfig {
            database_url: Secret::default(),
            secret_key: SecretKey::new([7; 32]),
            secret_key_fallbacks: Vec::new(),
            // Low: no test depends on the cost.
            argon2: passwords::params(64, 1).unwrap(),
            password_hash_threads: 1,
            password_min_length: 15,
        },
    }
}

/// Returns an HTTP client. A test shares one, because creating it reads all root certificates.
fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    // Servers close idle connections after five seconds. The client closes them earlier, so that it never uses one that
    // the server is closing.
    #[allow(clippy::disallowed_methods)]
    reqwest::Client::builder().pool_idle_timeout(Duration::from_secs(2)).build().unwrap()
}

/// A running emulator of CometChat.
#[derive(Clone)]
pub struct Emulator {
    pub url: String,
    http: reqwest::Client,
    /// Seconds that its clock is ahead of the server's.
    ahead: Arc<AtomicI64>,
}

impl Emulator {
    fn start(clock: &Clock) -> Self {
        let clock = clock.clone();
        let ahead = Arc::new(AtomicI64::new(0));
        let difference = Arc::clone(&ahead);
        let config = cometchat_emulator::Config {
            listen: "127.0.0.1:0".parse().unwrap(),
            clock: Arc::new(move || {
                let now = clock.unix_time().as_secs();
                now.saturating_add_signed(difference.load(Ordering::SeqCst))
            }),
            ..Default::default()
        };
        let app = cometchat_emulator::App::build(config).unwrap();
        let url = format!("http://{}", app.address());
        tokio::spawn(app.run());
        Self { url, http: client(), ahead }
    }

    /// Sets its clock this number of seconds ahead of the server's.
    pub fn set_ahead(&self, seconds: i64) {
        self.ahead.store(seconds, Ordering::SeqCst);
    }

    /// Adds a fault, until [`Emulator::clear_faults`].
    pub async fn add_fault(&self, fault: Value) {
        let response =
            self.http.post(format!("{}/emulator/faults", self.url)).json(&fault).send().await.unwrap();
        assert!(response.status().is_success(), "{:?}", response.text().await);
    }

    pub async fn clear_faults(&self) {
        self.http.delete(format!("{}/emulator/faults", self.url)).send().await.unwrap();
    }

    async fn state(&self) -> Value {
        self.http.get(format!("{}/emulator/state", self.url)).send().await.unwrap().json().await.unwrap()
    }

    async fn rest(&self, method: Method, path: &str) -> Value {
        let request = self.http.request(method, format!("{}/v3/{path}", self.url));
        let response = request.header("apikey", "emulator-rest-api-key").json(&json!({"force": true})).send();
        response.await.unwrap().json().await.unwrap()
    }

    /// Creates a token without the server, as another program would.
    pub async fn mint(&self, uid: &str) -> String {
        let minted = self.rest(Method::POST, &format!("users/{uid}/auth_tokens")).await;
        minted["data"]["authToken"].as_str().unwrap().to_owned()
    }

    /// Revokes a token without the server.
    pub async fn revoke(&self, uid: &str, token: &str) {
        self.rest(Method::DELETE, &format!("users/{uid}/auth_tokens/{token}")).await;
    }

    /// Returns the names of CometChat's users, by id.
    pub async fn names(&self) -> BTreeMap<String, String> {
        let state = self.state().await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        state["users"]
            .as_array()
            .unwrap()
            .iter()
            .map(|user| (text(&user["uid"]), text(&user["name"])))
            .collect()
    }

    /// Returns the tokens of a user, or none if there is no such user.
    pub async fn tokens(&self, uid: &str) -> Vec<String> {
        let state = self.state().await;
        let user = state["users"].as_array().unwrap().iter().find(|user| user["uid"] == uid).cloned();
        let tokens = user.map(|user| user["tokens"].as_array().unwrap().clone()).unwrap_or_default();
        let tokens: Vec<_> = tokens.iter().map(|token| token.as_str().unwrap().to_owned()).collect();
        tokens.iter().for_each(|token| canary::secret(token));
        tokens
    }

    /// Returns the number of calls to the REST API with this method and this end of the path.
    pub async fn calls(&self, method: &str, path_end: &str) -> usize {
        let state = self.state().await;
        let calls = state["calls"].as_array().unwrap();
        let is_such = |call: &&Value| {
            call["api"] == "rest"
                && call["method"] == method
                && call["path"].as_str().unwrap().ends_with(path_end)
        };
        calls.iter().filter(is_such).count()
    }
}

impl TestApp {
    /// Like [`eventually`], but advances the clock at each poll, for retries with increasing delays.
    pub async fn eventually_over_time<F: Future<Output = bool>>(
        &self,
        what: &str,
        mut condition: impl FnMut() -> F,
    ) {
        eventually(what, || {
            self.clock.advance(Duration::from_secs(15));
            condition()
        })
        .await;
    }
}
