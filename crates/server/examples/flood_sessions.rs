//! Measures the latency of other users while one user has 100,000 sessions: they are inserted into the database, listed
//! by 64 concurrent requests, and ended. Another user checks a session a hundred times a second, and logs in and out.
//! Prints the times of both; the goal for `GET /api/session` is a p99 of at most 50 ms.
//!
//!   cargo run --release --example flood_sessions [-- SESSIONS [DATABASE_URL]]
//!
//! It runs its own server and emulator of CometChat, on free ports.

use cometchat_auth::clock::Clock;
use cometchat_auth::cometchat::client::Endpoint;
use cometchat_auth::config::{CometChat, Config, CoreConfig};
use cometchat_auth::crypto::seal::SecretKey;
use cometchat_auth::db::Db;
use cometchat_auth::params;
use cometchat_auth::passwords::{self, Hasher, Password};
use cometchat_auth::server::Application;
use cometchat_auth::sessions::Lifetime;
use cometchat_auth::users::{self, User};
use futures_util::future::join_all;
use reqwest::{Client, Method, StatusCode};
use serde_json::json;
use shared::{Secret, routes};
use std::error::Error;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

const SESSIONS: i64 = 100_000;
const LISTS: usize = 64;
/// Goals: p99 of a session check, and of a login and logout of another user.
const MAX_SESSION_CHECK: Duration = Duration::from_millis(50);
const MAX_LOGIN: Duration = Duration::from_secs(2);
/// Maximum time of one part.
const PART_TIMEOUT: Duration = Duration::from_secs(180);

/// A client with its session cookie.
#[derive(Clone)]
struct Browser {
    http: Client,
    url: String,
    cookie: String,
}

impl Browser {
    async fn login(http: &Client, url: &str, email: &str) -> Result<Self> {
        let body = json!({"email": email, "password": "password"});
        let response = http.post(format!("{url}{}", routes::LOGIN)).json(&body).send().await?;
        let status = response.status();
        if status != StatusCode::OK {
            return Err(format!("a login returned {status}").into());
        }
        let cookies =
            response.headers().get_all("set-cookie").iter().filter_map(|cookie| cookie.to_str().ok());
        let session = cookies.filter_map(|cookie| cookie.split(';').next());
        let cookie = session.filter(|cookie| cookie.starts_with("cometchat-auth-3000=")).collect::<String>();
        Ok(Self { http: http.clone(), url: url.into(), cookie })
    }

    async fn call(&self, method: Method, path: &str) -> Result<StatusCode> {
        let request = self.http.request(method, format!("{}{path}", self.url)).header("cookie", &self.cookie);
        let response = request.json(&json!({})).send().await?;
        let status = response.status();
        response.bytes().await?;
        Ok(status)
    }
}

/// Durations of requests, and the number that failed.
#[derive(Default)]
struct Times {
    all: Vec<Duration>,
    failed: usize,
}

impl Times {
    fn record(&mut self, since: Instant, is_good: bool) {
        self.all.push(since.elapsed());
        self.failed += usize::from(!is_good);
    }

    /// Returns a percentile of the sorted times.
    fn percentile(&self, percent: usize) -> Duration {
        let place = (self.all.len() * percent / 100).min(self.all.len().saturating_sub(1));
        self.all.get(place).copied().unwrap_or_default()
    }

    fn describe(&mut self) -> String {
        self.all.sort();
        let [p50, p99, max] = [50, 99, 100].map(|percent| self.percentile(percent).as_secs_f64() * 1000.0);
        let (count, failed) = (self.all.len(), self.failed);
        format!("{count}, p50 {p50:.1} ms, p99 {p99:.1} ms, max {max:.1} ms, {failed} failed")
    }
}

/// Measures the requests of another user while `work` runs.
async fn beside<T>(name: &str, other: &Browser, work: impl Future<Output = Result<T>>) -> Result<T> {
    let over = Arc::new(AtomicBool::new(false));
    let checks = tokio::spawn({
        let (other, over) = (other.clone(), Arc::clone(&over));
        async move {
            let (mut times, mut ticks) = (Times::default(), tokio::time::interval(Duration::from_millis(10)));
            while !over.load(Ordering::Relaxed) {
                ticks.tick().await;
                let since = Instant::now();
                let status = other.call(Method::GET, routes::SESSION).await;
                times.record(since, status.is_ok_and(|status| status == StatusCode::OK));
            }
            times
        }
    });
    let logins = tokio::spawn({
        let (other, over) = (other.clone(), Arc::clone(&over));
        async move {
            let mut times = Times::default();
            while !over.load(Ordering::Relaxed) {
                let since = Instant::now();
                let result = async {
                    let browser = Browser::login(&other.http, &other.url, "other@example.com").await?;
                    browser.call(Method::POST, routes::LOGOUT).await
                };
                times.record(since, result.await.is_ok_and(|status| status == StatusCode::NO_CONTENT));
            }
            times
        }
    });
    let since = Instant::now();
    let done = tokio::time::timeout(PART_TIMEOUT, work).await;
    let took = since.elapsed().as_secs_f64();
    over.store(true, Ordering::Relaxed);
    let (mut checks, mut logins) = (checks.await?, logins.await?);
    let mut out = std::io::stdout().lock();
    writeln!(out, "{name}: {took:.1} s")?;
    writeln!(out, "  others' GET /api/session: {}", checks.describe())?;
    writeln!(out, "  others' login and logout: {}", logins.describe())?;
    if checks.percentile(99) > MAX_SESSION_CHECK || logins.percentile(99) > MAX_LOGIN {
        return Err("the latency of other users exceeded its limit".into());
    }
    done.map_err(|_| "timed out")?
}

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let sessions = arguments.next().map_or(Ok(SESSIONS), |text| text.parse())?;
    let folder = tempfile::tempdir()?;
    let sqlite = format!("sqlite://{}/flood.db", folder.path().display());
    let database_url = arguments.next().unwrap_or(sqlite);

    let loopback = "127.0.0.1:0".parse()?;
    let emulator = cometchat_emulator::App::build(cometchat_emulator::Config {
        listen: loopback,
        ..Default::default()
    })?;
    let emulator_url = format!("http://{}", emulator.address());
    tokio::spawn(emulator.run());
    let config = config(&emulator_url, &database_url)?;
    let hash = Hasher::start(config.core.argon2.clone(), config.core.argon2_backend, 1)?
        .hash(Password::new("password"))
        .await?;
    let app = Application::build(config, Clock::system(), None).await?;
    let url = format!("http://{}", app.address());
    let state = app.state();
    let running = tokio::spawn(app.run());

    let db = Db::open(&database_url).await?;
    for id in ["many", "other"] {
        let user = User { id: id.into(), email: format!("{id}@example.com"), name: id.into() };
        let mut tx = db.begin().await?;
        users::insert(&mut tx, &user, Some(&hash), Clock::system().now()).await?;
        tx.commit().await?;
    }
    #[allow(clippy::disallowed_methods)] // not the client of the server
    let http = Client::builder().timeout(Duration::from_secs(150)).build()?;
    let other = Browser::login(&http, &url, "other@example.com").await?;
    let many = Browser::login(&http, &url, "many@example.com").await?;

    beside("nothing else", &other, async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        Ok(())
    })
    .await?;
    insert(&db, sessions).await?;
    beside(&format!("{LISTS} concurrent lists of {sessions} sessions, 20 times"), &other, async {
        for _ in 0..20 {
            for status in join_all((0..LISTS).map(|_| many.call(Method::GET, routes::SESSIONS))).await {
                if status? != StatusCode::OK {
                    return Err("a list failed".into());
                }
            }
        }
        Ok(())
    })
    .await?;
    let status = beside(&format!("the end of {sessions} sessions"), &other, async {
        many.call(Method::DELETE, routes::SESSIONS).await
    })
    .await?;
    let left: Vec<(String,)> =
        db.fetch_all("SELECT public_id FROM sessions WHERE user_id = 'many'", &[]).await?;
    writeln!(std::io::stdout(), "response {status}; {} session is left", left.len())?;
    db.close().await;
    state.shutdown.cancel();
    running.await??;
    Ok(())
}

/// Inserts sessions into the database, each with a chat token.
async fn insert(db: &Db, count: i64) -> Result<()> {
    let sql = "WITH RECURSIVE n (x) AS (SELECT $1 UNION ALL SELECT x + 1 FROM n WHERE x < $2)
               INSERT INTO sessions (token_hash, public_id, user_id, created_at, last_seen_at, expires_at, user_agent,
                                     address, chat_token_sealed)
               SELECT 'hash' || x, 'id' || x, user_id, created_at, last_seen_at, expires_at, 'Browser', '127.0.0.1',
                      chat_token_sealed
               FROM n, (SELECT * FROM sessions WHERE user_id = 'many' AND chat_token_sealed IS NOT NULL
                        ORDER BY public_id LIMIT 1) AS s";
    let mut from = 1;
    while from <= count {
        let to = (from + 4_999).min(count);
        db.execute(sql, params![from, to]).await?;
        from = to + 1;
    }
    Ok(())
}

fn config(emulator: &str, database_url: &str) -> Result<Config> {
    Ok(Config {
        listen: "127.0.0.1:0".parse()?,
        metrics_listen: None,
        public_url: "http://localhost:3000".parse()?,
        cometchat: CometChat {
            endpoint: Endpoint {
                base: format!("{emulator}/v3").parse()?,
                app_id: "emulator".into(),
                api_key: Secret::new("emulator-rest-api-key"),
            },
            region: "us".into(),
            calls_per_minute: 1_000_000,
            emulator: Some(emulator.parse()?),
        },
        allowed_origins: Vec::new(),
        trusted_proxies: Vec::new(),
        request_timeout: Duration::from_secs(150),
        login_attempts_per_minute: 0,
        actions_per_user: 0,
        lifetime: Lifetime { idle: 7 * 86_400, max: 30 * 86_400 },
        registration_is_open: true,
        login_url: None,
        assertion_keys: Vec::new(),
        warnings: Vec::new(),
        core: CoreConfig {
            database_url: Secret::new(database_url),
            secret_key: SecretKey::new([7; 32]),
            secret_key_fallbacks: Vec::new(),
            // Small, because the database is measured here.
            argon2: passwords::params(64, 1)?,
            argon2_backend: passwords::Backend::default(),
            password_hash_threads: 1,
            password_min_length: 15,
        },
    })
}
