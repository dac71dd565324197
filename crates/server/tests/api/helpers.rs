//! A running server with its emulator.

use cometchat_auth::clock::Clock;
use cometchat_auth::cometchat::ChatService;
use cometchat_auth::config::Config;
use cometchat_auth::db::Db;
use cometchat_auth::passwords::{Hasher, Password};
use cometchat_auth::server::Application;
use cometchat_auth::state::AppState;
use cometchat_auth::users::{self, User};
use shared::LoginResponse;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
pub use test_support::{Browser, TestEmulator, eventually, failure};
use test_support::{canary, config, new_database};
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
    pub emulator: TestEmulator,
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
        let own = clock.clone();
        let emulator = TestEmulator::start_with(cometchat_emulator::Config {
            clock: Arc::new(move || own.unix_time().as_secs()),
            ..Default::default()
        });
        let folder = canary::folder();
        let database = new_database(folder.path()).await;
        let db = Db::open(&database).await.unwrap();
        let mut config = config(&[("DATABASE_URL", &database), ("COMETCHAT_EMULATOR_URL", &emulator.url)]);
        change(&mut config);
        let mut app = Self::run(config, clock, emulator, db).await;
        app._folder = Some(folder);
        app.add_user(UID, EMAIL, "Test User", Some(PASSWORD)).await;
        app
    }

    async fn run(config: Config, clock: Clock, emulator: TestEmulator, db: Db) -> Self {
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
        let hasher =
            Hasher::start(self.config.core.argon2.clone(), self.config.core.argon2_backend, 1).unwrap();
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

    pub fn metrics_url(&self) -> String {
        format!("http://{}/metrics", self.metrics.unwrap())
    }

    /// Returns the metrics of the server.
    pub async fn metrics(&self) -> String {
        let metrics = self.emulator.http.get(self.metrics_url()).send().await.unwrap().text().await.unwrap();
        canary::response(&metrics);
        metrics
    }

    /// Returns the single number that the statement returns.
    pub async fn count(&self, sql: &'static str) -> i64 {
        self.db.fetch_all::<(i64,)>(sql, &[]).await.unwrap()[0].0
    }

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
