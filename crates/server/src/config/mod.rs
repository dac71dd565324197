//! Configuration: reads and validates all settings at startup, and reports all errors together.

mod cometchat;
pub mod docs;
mod dotenv;
mod error;
mod observability;
mod parse;
mod secrets;
mod service_links;
mod settings;
mod site;
mod sources;
mod synonyms;

pub use dotenv::load as load_dotenv;
pub use error::ConfigErrors;
pub use observability::{exports_traces, otlp_errors};
pub use secrets::key_file;
pub use settings::{Setting, flags, settings};
pub use sources::{Sources, ValueSource};

use crate::cometchat::client::Endpoint;
use crate::crypto::seal::SecretKey;
use crate::passwords::Backend;
use crate::sessions::Lifetime;
use ipnet::IpNet;
use parse::Reader;
use shared::Secret;
use std::net::SocketAddr;
use std::num::NonZero;
use std::time::Duration;
use url::Url;

const DAY_SECONDS: i64 = 24 * 60 * 60;

/// The configuration of `serve`.
#[derive(Debug, Clone)]
pub struct Config {
    pub listen: SocketAddr,
    /// The listener of the Prometheus endpoint, if there is one.
    pub metrics_listen: Option<SocketAddr>,
    /// The URL of this server as browsers see it: an origin and an optional path, without trailing slash.
    pub public_url: Url,
    /// The login page of the app, in place of the web app's forms.
    pub login_url: Option<Url>,
    pub cometchat: CometChat,
    /// Origins in the form of the `Origin` header, such as `https://app.example.com`.
    pub allowed_origins: Vec<String>,
    pub trusted_proxies: Vec<IpNet>,
    /// The time in which a request must be read and answered.
    pub request_timeout: Duration,
    /// Attempts per IP address; 0 means no limit.
    pub login_attempts_per_minute: u32,
    /// Actions of each kind in 10 minutes; 0 means no limit.
    pub actions_per_user: u32,
    pub lifetime: Lifetime,
    /// Whether anyone can create an account.
    pub registration_is_open: bool,
    /// Keys that verify login assertions. Without keys, assertion login is disabled.
    pub assertion_keys: Vec<SecretKey>,
    /// Probable mistakes that do not stop the start.
    pub warnings: Vec<String>,
    pub core: CoreConfig,
}

/// The configuration of all commands that use the database.
#[derive(Debug, Clone)]
pub struct CoreConfig {
    /// Secret, because the URL may hold a password.
    pub database_url: Secret,
    pub secret_key: SecretKey,
    /// Further keys that decrypt and verify: the previous key, or the next one during rotation.
    pub secret_key_fallbacks: Vec<SecretKey>,
    /// Parameters of new password hashes.
    pub argon2: argon2::Params,
    pub argon2_backend: Backend,
    pub password_hash_threads: usize,
    /// In characters.
    pub password_min_length: usize,
}

#[derive(Debug, Clone)]
pub struct CometChat {
    pub endpoint: Endpoint,
    pub region: String,
    /// The rate limit of the app's plan.
    pub calls_per_minute: u32,
    /// The origin of the emulator, if it replaces the cloud.
    pub emulator: Option<Url>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    Json,
}

/// The configuration of the log. It is read before the other settings and never fails, so that their errors are logged.
pub struct LogConfig {
    pub format: LogFormat,
    pub filter: String,
}

impl LogConfig {
    pub fn read(sources: &Sources) -> Self {
        Self {
            format: match sources.get("LOG_FORMAT") {
                Some("json") => LogFormat::Json,
                _ => LogFormat::Text,
            },
            filter: sources.get("RUST_LOG").unwrap_or("info").to_owned(),
        }
    }
}

impl Config {
    /// Returns the path prefix of all routes: empty, or like `/chat`.
    pub fn base_path(&self) -> &str {
        self.public_url.path().trim_end_matches('/')
    }

    pub fn read(sources: &Sources) -> Result<Self, ConfigErrors> {
        let mut reader = Reader::new(sources);
        let config = reader.config();
        reader.finish(config)
    }
}

impl CoreConfig {
    pub fn read(sources: &Sources) -> Result<Self, ConfigErrors> {
        let mut reader = Reader::new(sources);
        let core = reader.core();
        reader.finish(core)
    }
}

impl Reader<'_> {
    /// Reads every setting before the first `?`, so that all errors are collected.
    fn config(&mut self) -> Option<Config> {
        let public_url = self.public_url();
        let login_url = self.login_url(public_url.as_ref());
        let cometchat = self.cometchat(public_url.as_ref());
        let listen = self.listen_addr("LISTEN", "127.0.0.1:3000");
        let metrics_listen = self.listen_addr("METRICS_LISTEN", "127.0.0.1:9090");
        if listen.zip(metrics_listen).is_some_and(|(one, other)| overlap(one, other)) {
            self.error("METRICS_LISTEN", "is the address of LISTEN; choose another port");
        }
        let allowed_origins = self.origins("ALLOWED_ORIGINS");
        if let Some(public_url) = &public_url {
            self.warn_about_other_sites(public_url, &allowed_origins);
        }
        let trusted_proxies = self.networks("TRUSTED_PROXIES");
        let request_timeout = self.number("REQUEST_TIMEOUT_SECONDS").map(Duration::from_secs);
        let login_attempts_per_minute = self.number("LOGIN_ATTEMPTS_PER_MINUTE");
        let actions_per_user = self.number("ACTIONS_PER_USER");
        self.observability();
        let registration = self.one_of("REGISTRATION");
        let idle_days: Option<i64> = self.number("SESSION_IDLE_DAYS");
        let max_days: Option<i64> = self.number("SESSION_MAX_DAYS");
        if self.sources.get("SESSION_IDLE_DAYS").is_some()
            && let Some((idle, max)) = idle_days.zip(max_days).filter(|(idle, max)| idle > max)
        {
            self.error(
                "SESSION_IDLE_DAYS",
                format_args!("{idle} is more than SESSION_MAX_DAYS={max}; raise that too"),
            );
        }
        let assertion_keys = self.keys("ASSERTION_KEY");
        let core = self.core();
        Some(Config {
            listen: listen?,
            metrics_listen,
            public_url: public_url?,
            login_url,
            cometchat: cometchat?,
            allowed_origins,
            trusted_proxies,
            request_timeout: request_timeout?,
            login_attempts_per_minute: login_attempts_per_minute?,
            actions_per_user: actions_per_user?,
            lifetime: Lifetime { idle: idle_days? * DAY_SECONDS, max: max_days? * DAY_SECONDS },
            registration_is_open: registration? == "open",
            assertion_keys,
            warnings: std::mem::take(&mut self.warnings),
            core: core?,
        })
    }

    fn core(&mut self) -> Option<CoreConfig> {
        let database_url = self.database_url();
        let secret_key = self.secret_key(database_url.as_ref());
        let secret_key_fallbacks = self.keys("SECRET_KEY_FALLBACKS");
        let memory_kib = self.number("ARGON2_MEMORY_KIB");
        let iterations = self.number("ARGON2_ITERATIONS");
        let backend = self.one_of("ARGON2_BACKEND");
        let password_min_length = self.number("PASSWORD_MIN_LENGTH");
        let password_hash_threads = match self.sources.get("PASSWORD_HASH_THREADS") {
            Some(_) => self.number("PASSWORD_HASH_THREADS"),
            None => Some(std::thread::available_parallelism().map_or(1, NonZero::get)),
        };
        let (memory_kib, iterations): (u32, u32) = (memory_kib?, iterations?);
        let minimum = crate::passwords::OWASP_MIN_PARAMS;
        if !minimum.iter().any(|(memory, passes)| memory_kib >= *memory && iterations >= *passes) {
            let choices: Vec<_> = minimum.map(|(memory, passes)| format!("{memory} with {passes}")).into();
            self.error(
                "ARGON2_MEMORY_KIB",
                format_args!(
                    "is too small for ARGON2_ITERATIONS={iterations}; OWASP requires at least {}",
                    choices.join(", ")
                ),
            );
        }
        Some(CoreConfig {
            database_url: database_url?,
            secret_key: secret_key?,
            secret_key_fallbacks,
            argon2: crate::passwords::params(memory_kib, iterations).ok()?,
            argon2_backend: Backend::from_name(backend?)?,
            password_hash_threads: password_hash_threads?,
            password_min_length: password_min_length?,
        })
    }
}

/// Returns whether only one of two sockets can have its address.
fn overlap(one: SocketAddr, other: SocketAddr) -> bool {
    let has_same_ip = one.ip() == other.ip() || one.ip().is_unspecified() || other.ip().is_unspecified();
    one.port() == other.port() && one.port() != 0 && has_same_ip
}

#[cfg(test)]
mod tests;
