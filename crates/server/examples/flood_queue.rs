//! Measures the latency of other users during a long job queue and a flood of renames. Server, emulator and load run in
//! one process, with the database at DATABASE_URL or a temporary SQLite file.
//!
//!   cargo run --release --example flood_queue [JOBS]
//!
//! The goal is a p99 of at most 50 ms for `GET /api/session`, and logins that cost the same with and without the
//! queue.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use cometchat_auth::clock::Clock;
use cometchat_auth::cometchat::client::Endpoint;
use cometchat_auth::config::{CometChat, Config, CoreConfig};
use cometchat_auth::crypto::seal::SecretKey;
use cometchat_auth::db::Db;
use cometchat_auth::server::Application;
use cometchat_auth::sessions::Lifetime;
use cometchat_auth::{params, passwords};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use shared::{Secret, routes};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

const PASSWORD: &str = "plum tractor yesterday";
/// Logins and logouts of one measurement.
const LOGINS: u32 = 100;
/// Goals: p99 of a session check, and of a login of another user.
const MAX_SESSION_CHECK: Duration = Duration::from_millis(50);
const MAX_LOGIN: Duration = Duration::from_secs(2);
/// Duration of the renames.
const RENAME_DURATION: Duration = Duration::from_secs(10);

/// A client with its session cookie.
struct Browser {
    http: Client,
    url: String,
    cookie: String,
}

impl Browser {
    fn new(http: &Client, url: &str) -> Self {
        Self { http: http.clone(), url: url.into(), cookie: String::new() }
    }

    async fn call(&mut self, method: Method, path: &str, body: Value) -> StatusCode {
        let request = self.http.request(method, format!("{}{path}", self.url));
        let response = request.header("cookie", &self.cookie).json(&body).send().await.unwrap();
        for cookie in response.headers().get_all("set-cookie") {
            let cookie = cookie.to_str().unwrap().split(';').next().unwrap();
            if cookie.starts_with("cometchat-auth-3000=") {
                self.cookie = cookie.to_owned();
            }
        }
        let status = response.status();
        response.bytes().await.unwrap();
        status
    }

    async fn register(&mut self, name: &str) {
        let body = json!({"email": format!("{name}@example.com"), "password": PASSWORD, "name": name});
        assert_eq!(self.call(Method::POST, routes::REGISTER, body).await, StatusCode::CREATED);
    }
}

/// Returns the CPU time of this process, in milliseconds.
fn cpu() -> f64 {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let used = |task: std::io::Result<std::fs::DirEntry>| -> Option<f64> {
        let text = std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse().ok()
    };
    tasks.filter_map(used).sum::<f64>() / 1e6
}

fn percentile(times: &mut [Duration], of_hundred: usize) -> Duration {
    times.sort_unstable();
    times[(times.len() * of_hundred / 100).min(times.len() - 1)]
}

/// Checks a session a hundred times a second until `work` ends. Returns the times of the checks and the result of
/// `work`.
async fn beside<T>(browser: &mut Browser, work: impl Future<Output = T>) -> (Vec<Duration>, T) {
    let mut work = std::pin::pin!(work);
    let (mut times, mut pace) = (Vec::new(), tokio::time::interval(Duration::from_millis(10)));
    loop {
        tokio::select! {
            biased;
            done = &mut work => return (times, done),
            _ = pace.tick() => {
                let begun = Instant::now();
                assert_eq!(browser.call(Method::GET, routes::SESSION, json!({})).await, StatusCode::OK);
                times.push(begun.elapsed());
            }
        }
    }
}

/// Logs in and out. Returns the latencies and the CPU time of each pair.
async fn logins(http: &Client, url: &str) -> (Vec<Duration>, f64) {
    let (mut times, before) = (Vec::new(), cpu());
    for number in 0..LOGINS {
        let mut browser = Browser::new(http, url);
        let body = json!({"email": format!("user{}@example.com", number % 10), "password": PASSWORD});
        let begun = Instant::now();
        assert_eq!(browser.call(Method::POST, routes::LOGIN, body).await, StatusCode::OK);
        times.push(begun.elapsed());
        assert_eq!(browser.call(Method::POST, routes::LOGOUT, json!({})).await, StatusCode::NO_CONTENT);
    }
    (times, (cpu() - before) / f64::from(LOGINS))
}

async fn report(name: &str, http: &Client, url: &str, watcher: &mut Browser) {
    let (mut sessions, (mut times, each)) = beside(watcher, logins(http, url)).await;
    check_goals(percentile(&mut sessions, 99), percentile(&mut times, 99));
    println!(
        "{name}: a login and logout {each:.1} ms of CPU, all threads; login p50 {:.1?}, p99 {:.1?}; session p99 {:.1?}",
        percentile(&mut times, 50),
        percentile(&mut times, 99),
        percentile(&mut sessions, 99)
    );
}

async fn fill(db: &Db, jobs: i64, now: i64) {
    let sql = db.dialect(
        "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < $1)
         INSERT INTO chat_jobs (id, kind, uid, payload_sealed, version, attempts, bulk, run_at,
                                claim, claimed_until, parked, last_error, created_at, unsettled_until)
         SELECT 'user:flood' || n, 'delete_user', 'flood' || n, NULL, 1, 0, 0, $2, NULL, NULL, 0, NULL, $2, NULL FROM numbers",
        "INSERT INTO chat_jobs (id, kind, uid, payload_sealed, version, attempts, bulk, run_at,
                                claim, claimed_until, parked, last_error, created_at, unsettled_until)
         SELECT 'user:flood' || n, 'delete_user', 'flood' || n, NULL, 1, 0, 0, $2, NULL, NULL, 0, NULL, $2, NULL
         FROM generate_series(1, $1::bigint) AS n",
    );
    let mut tx = db.begin().await.unwrap();
    tx.execute(sql, params![jobs, now]).await.unwrap();
    tx.commit_without_timeout().await.unwrap();
}

/// Ends the program if a goal is missed.
fn check_goals(session_check: Duration, login: Duration) {
    assert!(session_check <= MAX_SESSION_CHECK, "session checks take {session_check:.1?} (p99)");
    assert!(login <= MAX_LOGIN, "logins of other users take {login:.1?} (p99)");
}

#[tokio::main]
#[allow(clippy::disallowed_methods)]
async fn main() {
    let jobs: i64 = std::env::args().nth(1).map_or(300_000, |jobs| jobs.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let own = format!("sqlite://{}/flood.db", folder.path().display());
    let database = std::env::var("DATABASE_URL").unwrap_or(own);
    let emulator = cometchat_emulator::App::build(cometchat_emulator::Config {
        listen: "127.0.0.1:0".parse().unwrap(),
        ..Default::default()
    })
    .unwrap();
    let at_emulator = format!("http://{}", emulator.address());
    tokio::spawn(emulator.run());
    let config = Config {
        listen: "127.0.0.1:0".parse().unwrap(),
        metrics_listen: None,
        public_url: "http://localhost:3000".parse().unwrap(),
        cometchat: CometChat {
            endpoint: Endpoint {
                base: format!("{at_emulator}/v3").parse().unwrap(),
                app_id: "emulator".into(),
                api_key: Secret::new("emulator-rest-api-key"),
            },
            region: "us".into(),
            // As in production, so the queue stays long while it is measured.
            calls_per_minute: 500,
            emulator: Some(at_emulator.parse().unwrap()),
        },
        allowed_origins: Vec::new(),
        trusted_proxies: Vec::new(),
        request_timeout: Duration::from_secs(60),
        login_attempts_per_minute: 0,
        actions_per_user: 20,
        lifetime: Lifetime { idle: 86_400, max: 86_400 },
        registration_is_open: true,
        login_url: None,
        assertion_keys: Vec::new(),
        warnings: Vec::new(),
        core: CoreConfig {
            database_url: Secret::new(&database),
            secret_key: SecretKey::new([7; 32]),
            secret_key_fallbacks: Vec::new(),
            // Small, so that the rest of a login is visible.
            argon2: passwords::params(64, 1).unwrap(),
            argon2_backend: passwords::Backend::default(),
            password_hash_threads: 1,
            password_min_length: 15,
        },
    };
    let app = Application::build(config, Clock::system(), None).await.unwrap();
    let (url, state) = (format!("http://{}", app.address()), app.state());
    let server = tokio::spawn(app.run());
    let http = Client::new();
    for number in 0..10 {
        Browser::new(&http, &url).register(&format!("user{number}")).await;
    }
    let mut watcher = Browser::new(&http, &url);
    watcher.register("watcher").await;

    report("no queue", &http, &url, &mut watcher).await;
    fill(&state.db, jobs, state.clock.now() - 10).await;
    state.chat.wake();
    report(&format!("{jobs} jobs due"), &http, &url, &mut watcher).await;

    let mut renames = JoinSet::new();
    for number in 0..4 {
        let mut browser = Browser::new(&http, &url);
        browser.register(&format!("renamer{number}")).await;
        renames.spawn(async move {
            let (begun, mut renamed, mut rejected) = (Instant::now(), 0, 0);
            while begun.elapsed() < RENAME_DURATION {
                let name = format!("name {renamed} {rejected}");
                match browser.call(Method::PUT, routes::ACCOUNT, json!({"name": name})).await {
                    StatusCode::OK => renamed += 1,
                    StatusCode::TOO_MANY_REQUESTS => rejected += 1,
                    status => panic!("{status}"),
                }
            }
            (renamed, rejected)
        });
    }
    let (mut sessions, counts) = beside(&mut watcher, renames.join_all()).await;
    let (renamed, rejected) = counts.iter().fold((0, 0), |sum, count| (sum.0 + count.0, sum.1 + count.1));
    check_goals(percentile(&mut sessions, 99), Duration::ZERO);
    println!(
        "four accounts that rename for {RENAME_DURATION:?}: {renamed} renames, {rejected} rejected; session p99 {:.1?}",
        percentile(&mut sessions, 99)
    );
    state.shutdown.cancel();
    server.await.unwrap().unwrap();
}
