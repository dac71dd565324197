//! Floods a server with the most expensive password work that a client can request, and measures the latency of other
//! clients. `scripts/bench floods` starts a server for it.
//!
//!   flood_passwords users                 prints users with legacy hashes, for `user import`
//!   flood_passwords flood URL [SECONDS]   runs each flood against URL for SECONDS
//!
//! The server must trust this machine as a proxy, because each client sends its own address, and must not limit
//! addresses. Fails if a session check or a login of other clients exceeds its limit.

use cometchat_auth::cometchat::client::install_crypto_provider;
use reqwest::{Client, StatusCode, header};
use serde_json::json;
use std::collections::BTreeMap;
use std::error::Error;
use std::io::{self, Write as _};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

const PASSWORD: &str = "plum tractor yesterday";
/// Maximum p99 of session checks.
const MAX_SESSION_CHECK: Duration = Duration::from_millis(50);
/// Maximum time of a login: 2 s in the hash queue, and 0.5 s for the hash and the machine.
const MAX_LOGIN: Duration = Duration::from_millis(2_500);
/// Concurrent clients of a flood.
const CLIENTS: u32 = 30;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

#[derive(Clone, Copy, Debug)]
enum Flood {
    None,
    /// Wrong passwords for users with legacy hashes, from one address.
    LegacyFromOneAddress,
    /// The same, each from its own address.
    LegacyFromMany,
    /// Registrations with passwords that take long to score.
    Registrations,
}

fn users() -> Outcome<()> {
    let (salt, output) = ("A".repeat(22), "A".repeat(43));
    let mut out = io::stdout().lock();
    writeln!(out, "id,email,name,password_hash")?;
    for number in 0..CLIENTS {
        let hash = match number % 4 {
            0 => format!("$pbkdf2-sha256$i=600000${salt}${output}"),
            1 => format!("$pbkdf2-sha256$i=1000000${salt}${output}"),
            2 => format!("$scrypt$ln=17,r=8,p=1${salt}${output}"),
            _ => format!("$2b$14${}", ".".repeat(53)),
        };
        writeln!(out, "old{number},old{number}@example.com,Old,\"{hash}\"")?;
    }
    writeln!(out, "ada,ada@example.com,Ada,")?;
    Ok(())
}

struct Target {
    http: Client,
    url: String,
    next: AtomicU32,
}

impl Target {
    /// Sends a request from `address`, or from an unused address.
    async fn post(
        &self,
        path: &str,
        address: Option<Ipv4Addr>,
        body: serde_json::Value,
    ) -> reqwest::Result<reqwest::Response> {
        let own = || Ipv4Addr::from(0x0a00_0000 + self.next.fetch_add(1, Ordering::Relaxed));
        let address = address.unwrap_or_else(own).to_string();
        self.http
            .post(format!("{}{path}", self.url))
            .header("x-forwarded-for", address)
            .json(&body)
            .send()
            .await
    }

    async fn flood(&self, kind: Flood, client: u32) -> reqwest::Result<StatusCode> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let wrong =
            json!({"email": format!("old{client}@example.com"), "password": format!("wrong {number}")});
        let response = match kind {
            Flood::None => return Ok(StatusCode::OK),
            Flood::LegacyFromOneAddress => {
                self.post("/api/login", Some(Ipv4Addr::new(192, 0, 2, 1)), wrong).await
            }
            Flood::LegacyFromMany => self.post("/api/login", None, wrong).await,
            Flood::Registrations => {
                // The email address is registered, so the password is scored but no account is created.
                let password = "!|@1746982350({[<$+%!|@1746982350({[<$+%";
                let body = json!({"email": "ada@example.com", "password": password, "name": "Ada"});
                self.post("/api/register", Some(Ipv4Addr::from(0xc000_0200 + client % 8)), body).await
            }
        };
        Ok(response?.status())
    }
}

async fn run(target: &Arc<Target>, cookie: &str, kind: Flood, time: Duration) -> Outcome<bool> {
    let ends = Instant::now() + time;
    let mut flood = JoinSet::new();
    for client in 0..CLIENTS {
        let target = Arc::clone(target);
        flood.spawn(async move {
            let mut responses = BTreeMap::<u16, u32>::new();
            while !matches!(kind, Flood::None) && Instant::now() < ends {
                let status = target.flood(kind, client).await.map_or(0, |status| status.as_u16());
                *responses.entry(status).or_default() += 1;
            }
            responses
        });
    }
    let checks = {
        let (target, cookie) = (Arc::clone(target), cookie.to_owned());
        tokio::spawn(async move {
            let mut times = Vec::new();
            while Instant::now() < ends {
                let begun = Instant::now();
                let request = target.http.get(format!("{}/api/session", target.url));
                let response = request.header(header::COOKIE, &cookie).send().await;
                if !response.is_ok_and(|response| response.status() == StatusCode::OK) {
                    return Err("a session check failed");
                }
                times.push(begun.elapsed());
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            times.sort();
            Ok(times)
        })
    };
    let (mut logged_in, mut rejected, mut longest) = (0, 0, Duration::ZERO);
    while Instant::now() < ends {
        let begun = Instant::now();
        // Not the account of the session checks, whose session would end at the limit of sessions per user.
        let body = json!({"email": "sue@example.com", "password": PASSWORD});
        match target.post("/api/login", None, body).await?.status() {
            StatusCode::OK => logged_in += 1,
            StatusCode::SERVICE_UNAVAILABLE => rejected += 1,
            status => return Err(format!("a login returned {status}").into()),
        }
        longest = longest.max(begun.elapsed());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let times = checks.await??;
    let part = |percent: usize| times.get(times.len() * percent / 100).copied().unwrap_or_default();
    let mut responses = BTreeMap::<u16, u32>::new();
    while let Some(of_one) = flood.join_next().await {
        for (status, count) in of_one? {
            *responses.entry(status).or_default() += count;
        }
    }
    let responses: Vec<_> = responses.iter().map(|(status, count)| format!("{count} × {status}")).collect();
    writeln!(
        io::stdout(),
        "| {kind:?} | {} | {:.1} | {:.1} | {logged_in} | {rejected} | {:.0} |",
        responses.join(", "),
        part(50).as_secs_f64() * 1e3,
        part(99).as_secs_f64() * 1e3,
        longest.as_secs_f64() * 1e3
    )?;
    Ok(part(99) <= MAX_SESSION_CHECK && longest <= MAX_LOGIN)
}

async fn flood(url: String, seconds: u64) -> Outcome<()> {
    install_crypto_provider();
    #[allow(clippy::disallowed_methods)] // not the client of the server
    let http = Client::builder().no_proxy().timeout(Duration::from_secs(60)).build()?;
    let target = Arc::new(Target { http, url, next: AtomicU32::new(1) });
    let sue = json!({"email": "sue@example.com", "password": PASSWORD, "name": "Sue"});
    target.post("/api/register", None, sue).await?.error_for_status()?;
    let body = json!({"email": "eve@example.com", "password": PASSWORD, "name": "Eve"});
    let response = target.post("/api/register", None, body).await?.error_for_status()?;
    let cookies = response.headers().get_all(header::SET_COOKIE);
    let cookies: Vec<_> =
        cookies.iter().filter_map(|cookie| cookie.to_str().ok()?.split(';').next()).collect();
    let cookie = cookies.join("; ");
    writeln!(
        io::stdout(),
        "| flood | responses | session check p50 ms | p99 ms | logins of others | 503 | max ms |\n|---|---|---|---|---|---|---|"
    )?;
    let mut is_good = true;
    for kind in [Flood::None, Flood::LegacyFromOneAddress, Flood::LegacyFromMany, Flood::Registrations] {
        is_good &= run(&target, &cookie, kind, Duration::from_secs(seconds)).await?;
    }
    if is_good { Ok(()) } else { Err("the latency of other clients exceeded its limit".into()) }
}

#[tokio::main]
async fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match *arguments {
        ["users"] => users(),
        ["flood", url] => flood(url.to_owned(), 10).await,
        ["flood", url, seconds] => flood(url.to_owned(), seconds.parse()?).await,
        _ => Err("usage: flood_passwords users | flood URL [SECONDS]".into()),
    }
}
