//! Every setting, read and checked at the start. All faults are told at once, each with the setting's
//! name and what to do. Knows nothing of the rest of the server but the types it configures.

mod cometchat;
pub mod docs;
mod parse;
mod secrets;
mod settings;

pub use secrets::key_file;
pub use settings::{SETTINGS, Setting, Sources, ValueSource, flags};

use crate::cometchat::client::Endpoint;
use crate::crypto::seal::SecretKey;
use crate::sessions::Lifetime;
use ipnet::IpNet;
use parse::Reader;
use shared::Secret;
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;
use url::Url;

const DAY_SECONDS: i64 = 24 * 60 * 60;

/// Everything that `serve` needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    pub listen: SocketAddr,
    /// Where Prometheus may ask; `None`: nowhere.
    pub metrics_listen: Option<SocketAddr>,
    /// Where browsers find it: an origin, and perhaps a path, without a slash at its end.
    pub public_url: Url,
    pub cometchat: CometChat,
    /// Origins as browsers write them, like `https://app.example.com`.
    pub allowed_origins: Vec<String>,
    pub trusted_proxies: Vec<IpNet>,
    /// How long a connection may go without an answer.
    pub request_timeout: Duration,
    pub login_attempts_per_minute: u32,
    /// Of each kind, in ten minutes.
    pub actions_per_user: u32,
    pub lifetime: Lifetime,
    /// Whether strangers can make accounts.
    pub registration_is_open: bool,
    /// Each may be what a server that hands its users over signs with; none: no server does.
    pub assertion_keys: Vec<Key>,
    pub core: CoreConfig,
}

/// What every command that touches the database needs to know.
#[derive(Debug, Clone)]
pub struct CoreConfig {
    /// It may have a password in it.
    pub database_url: Secret,
    pub secret_key: Key,
    /// Keys that also open and recognise: the one before this one, and the one that comes after it.
    pub secret_key_fallbacks: Vec<Key>,
    pub argon2: argon2::Params,
    pub password_hash_threads: usize,
    pub password_min_length: usize,
}

#[derive(Debug, Clone)]
pub struct CometChat {
    pub endpoint: Endpoint,
    pub region: String,
    /// What CometChat allows this app.
    pub calls_per_minute: u32,
    /// The emulator's origin, when one stands in for the cloud.
    pub emulator: Option<Url>,
}

/// The secret key, masked when printed.
#[derive(Clone)]
pub struct Key(pub SecretKey);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    Json,
}

/// How to log. Read before everything else, and never a reason not to start.
pub struct LogConfig {
    pub format: LogFormat,
    pub filter: String,
}

/// Everything that is wrong with the settings.
#[derive(Debug, PartialEq, Eq)]
pub struct ConfigErrors(pub Vec<String>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "these settings need your attention:")?;
        for fault in &self.0 {
            writeln!(f, "  {fault}")?;
        }
        f.write_str("`cometchat-auth serve --help` explains each of them.")
    }
}

impl std::error::Error for ConfigErrors {}

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
    /// The path that every address of this server begins with: empty, or like `/chat`.
    pub fn base_path(&self) -> &str {
        self.public_url.path().trim_end_matches('/')
    }

    pub fn read(sources: &Sources) -> Result<Self, ConfigErrors> {
        let mut reader = Reader::new(sources);
        let public_url = reader.public_url();
        let cometchat = reader.cometchat(public_url.as_ref());
        let listen = reader.parsed("LISTEN", "an address and port like 127.0.0.1:3000");
        let metrics_listen = reader.parsed("METRICS_LISTEN", "an address and port like 127.0.0.1:9090");
        let allowed_origins = reader.origins("ALLOWED_ORIGINS");
        let trusted_proxies = reader.networks("TRUSTED_PROXIES");
        let request_timeout = reader.number("REQUEST_TIMEOUT_SECONDS", 30, 3600);
        let login_attempts_per_minute = reader.number("LOGIN_ATTEMPTS_PER_MINUTE", 0, 1_000_000);
        let actions_per_user = reader.number("ACTIONS_PER_USER", 0, 1_000_000);
        reader.one_of("LOG_FORMAT", ["text", "json"]);
        let registration = reader.one_of("REGISTRATION", ["open", "closed"]);
        let idle = reader.number("SESSION_IDLE_DAYS", 1, 3650);
        let max = reader.number("SESSION_MAX_DAYS", 1, 3650);
        let assertion_keys = reader.keys("ASSERTION_KEY").into_iter().map(Key).collect();
        let store = reader.store();
        reader.finish()?;
        // Whatever is missing has left a fault.
        (|| {
            Some(Self {
                listen: listen?,
                metrics_listen,
                public_url: public_url?,
                cometchat: cometchat?,
                allowed_origins,
                trusted_proxies,
                request_timeout: Duration::from_secs(u64::try_from(request_timeout?).ok()?),
                login_attempts_per_minute: u32::try_from(login_attempts_per_minute?).ok()?,
                actions_per_user: u32::try_from(actions_per_user?).ok()?,
                lifetime: Lifetime { idle: idle? * DAY_SECONDS, max: max? * DAY_SECONDS },
                registration_is_open: registration? == "open",
                assertion_keys,
                core: store?,
            })
        })()
        .ok_or(ConfigErrors(Vec::new()))
    }
}

impl CoreConfig {
    pub fn read(sources: &Sources) -> Result<Self, ConfigErrors> {
        let mut reader = Reader::new(sources);
        let store = reader.store();
        reader.finish()?;
        store.ok_or(ConfigErrors(Vec::new()))
    }
}

impl Reader<'_> {
    fn store(&mut self) -> Option<CoreConfig> {
        let database_url = self.database_url();
        let secret_key = self.secret_key(database_url.as_ref().map(Secret::expose).unwrap_or_default());
        let secret_key_fallbacks = self.keys("SECRET_KEY_FALLBACKS").into_iter().map(Key).collect();
        let memory = self.number("ARGON2_MEMORY_KIB", 7168, 262_144);
        let iterations = self.number("ARGON2_ITERATIONS", 1, 16);
        let password_min_length = self.number("PASSWORD_MIN_LENGTH", 8, 64);
        let hash_threads = match self.sources.get("PASSWORD_HASH_THREADS") {
            Some(_) => self.number("PASSWORD_HASH_THREADS", 1, 1024),
            None => {
                std::thread::available_parallelism().map_or(Some(1), |cores| i64::try_from(cores.get()).ok())
            }
        };
        let (memory, iterations) = (u32::try_from(memory?).ok()?, u32::try_from(iterations?).ok()?);
        let floor = crate::passwords::OWASP_MIN_PARAMS;
        if !floor.iter().any(|(least, passes)| memory >= *least && iterations >= *passes) {
            let choices: Vec<_> = floor.map(|(least, passes)| format!("{least} with {passes}")).into();
            let words = format!(
                "is too little for ARGON2_ITERATIONS={iterations}; OWASP asks for at least {}",
                choices.join(", ")
            );
            self.error("ARGON2_MEMORY_KIB", words);
        }
        Some(CoreConfig {
            database_url: database_url?,
            secret_key: Key(secret_key?),
            secret_key_fallbacks,
            argon2: crate::passwords::params(memory, iterations).ok()?,
            password_hash_threads: usize::try_from(hash_threads?).ok()?,
            password_min_length: usize::try_from(password_min_length?).ok()?,
        })
    }
}

#[cfg(test)]
mod tests;
