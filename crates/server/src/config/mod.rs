//! Every setting, read and checked at the start. All faults are told at once, each with the setting's
//! name and what to do. Knows nothing of the rest of the server but the types it configures.

mod secrets;
mod settings;

pub use settings::{Sources, flags};

use crate::chat::client::Endpoint;
use crate::chat::seal::SecretKey;
use crate::sessions::Lifetime;
use ipnet::IpNet;
use shared::Secret;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use url::Url;

/// What the emulator takes when it is told nothing else. A start without the emulator refuses the key.
const EMULATOR_APP_ID: &str = "emulator";
const EMULATOR_REGION: &str = "us";
const EMULATOR_API_KEY: &str = "emulator-rest-api-key";

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
    pub login_attempts_per_minute: u32,
    pub lifetime: Lifetime,
    pub store: Store,
}

/// What every command that touches the database needs to know.
#[derive(Debug, Clone)]
pub struct Store {
    pub database_url: String,
    pub secret_key: Key,
    pub argon2: argon2::Params,
    pub hash_threads: usize,
    pub password_min_length: usize,
}

#[derive(Debug, Clone)]
pub struct CometChat {
    pub endpoint: Endpoint,
    pub region: String,
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
pub struct Log {
    pub format: LogFormat,
    pub filter: String,
}

/// Everything that is wrong with the settings.
#[derive(Debug, PartialEq, Eq)]
pub struct Faults(pub Vec<String>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "these settings need your attention:")?;
        for fault in &self.0 {
            writeln!(f, "  {fault}")?;
        }
        f.write_str("`cometchat-auth serve --help` explains each of them.")
    }
}

impl std::error::Error for Faults {}

impl Log {
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

    pub fn read(sources: &Sources) -> Result<Self, Faults> {
        let mut reader = Reader::new(sources);
        let public_url = reader.public_url();
        let cometchat = reader.cometchat(public_url.as_ref());
        let listen = reader.parsed("LISTEN", "an address and port like 127.0.0.1:3000");
        let metrics_listen = reader.parsed("METRICS_LISTEN", "an address and port like 127.0.0.1:9090");
        let allowed_origins = reader.origins("ALLOWED_ORIGINS");
        let trusted_proxies = reader.networks("TRUSTED_PROXIES");
        let login_attempts_per_minute = reader.number("LOGIN_ATTEMPTS_PER_MINUTE", 0, 1_000_000);
        let idle = reader.number("SESSION_IDLE_DAYS", 1, 3650);
        let max = reader.number("SESSION_MAX_DAYS", 1, 3650);
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
                login_attempts_per_minute: u32::try_from(login_attempts_per_minute?).ok()?,
                lifetime: Lifetime { idle: idle? * DAY_SECONDS, max: max? * DAY_SECONDS },
                store: store?,
            })
        })()
        .ok_or(Faults(Vec::new()))
    }
}

impl Store {
    pub fn read(sources: &Sources) -> Result<Self, Faults> {
        let mut reader = Reader::new(sources);
        let store = reader.store();
        reader.finish()?;
        store.ok_or(Faults(Vec::new()))
    }
}

/// Reads settings and collects what is wrong with them. A value that is missing or wrong is `None`, and
/// has left a fault.
struct Reader<'a> {
    sources: &'a Sources,
    faults: Vec<String>,
}

impl<'a> Reader<'a> {
    fn new(sources: &'a Sources) -> Self {
        let faults = sources
            .unknown()
            .into_iter()
            .map(|(name, meant)| match meant {
                Some(meant) => format!("{name}: there is no such setting; did you mean {meant}?"),
                None => format!("{name}: there is no such setting"),
            })
            .collect();
        Self { sources, faults }
    }

    fn finish(self) -> Result<(), Faults> {
        if self.faults.is_empty() { Ok(()) } else { Err(Faults(self.faults)) }
    }

    fn fault(&mut self, name: &str, words: impl fmt::Display) {
        self.faults.push(format!("{name}: {words}"));
    }

    /// The value, or the default.
    fn text(&self, name: &str) -> Option<&'a str> {
        let default = || settings::SETTINGS.iter().find(|setting| setting.name == name)?.default;
        self.sources.get(name).or_else(default)
    }

    fn parsed<T: FromStr>(&mut self, name: &str, expected: &str) -> Option<T> {
        let text = self.text(name)?;
        let parsed = text.parse().ok();
        if parsed.is_none() {
            self.fault(name, format_args!("{text:?} is not {expected}"));
        }
        parsed
    }

    fn number(&mut self, name: &str, min: i64, max: i64) -> Option<i64> {
        let number = self.parsed(name, "a whole number")?;
        if (min..=max).contains(&number) {
            return Some(number);
        }
        self.fault(name, format_args!("{number} is not between {min} and {max}"));
        None
    }

    /// A URL that names a server and no more.
    fn origin(&mut self, name: &str) -> Option<Url> {
        let url: Url = self.parsed(name, "a URL")?;
        let plain = is_of_a_server(&url) && url.path() == "/";
        if !plain {
            self.fault(
                name,
                "must be like https://example.com: a scheme, a host, perhaps a port, and no more",
            );
        }
        plain.then_some(url)
    }

    fn public_url(&mut self) -> Option<Url> {
        let mut url: Url = self.parsed("PUBLIC_URL", "a URL")?;
        let path = url.path().trim_end_matches('/').to_owned();
        // It becomes part of cookies, of routes and of the page.
        let plain_path = path.split('/').skip(1).all(|part| {
            !part.is_empty()
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'~'))
        });
        let plain = is_of_a_server(&url) && plain_path;
        if !plain {
            self.fault(
                "PUBLIC_URL",
                "must be like https://example.com or https://example.com/chat: a scheme, a host, perhaps a port \
                 and a path of letters, digits and dashes",
            );
        }
        url.set_path(&path);
        plain.then_some(url)
    }

    fn list(&self, name: &str) -> impl Iterator<Item = &'a str> + use<'a> {
        self.text(name).unwrap_or_default().split(',').map(str::trim).filter(|item| !item.is_empty())
    }

    fn origins(&mut self, name: &str) -> Vec<String> {
        let mut origins = Vec::new();
        for item in self.list(name) {
            match Url::parse(item) {
                Ok(url) if url.origin().is_tuple() && url.origin().ascii_serialization() == item => {
                    origins.push(item.to_owned());
                }
                _ => self.fault(name, format_args!("{item:?} is not an origin like https://app.example.com")),
            }
        }
        origins
    }

    fn networks(&mut self, name: &str) -> Vec<IpNet> {
        let mut networks = Vec::new();
        for item in self.list(name) {
            match item.parse().or_else(|_| item.parse::<IpAddr>().map(IpNet::from)) {
                Ok(network) => networks.push(network),
                Err(_) => {
                    self.fault(name, format_args!("{item:?} is not an address or a network like 10.0.0.0/8"))
                }
            }
        }
        networks
    }

    fn cometchat(&mut self, public_url: Option<&Url>) -> Option<CometChat> {
        if self.sources.get("COMETCHAT_EMULATOR_URL").is_some() {
            return self.emulator(public_url);
        }
        let api_key = self.secret("COMETCHAT_API_KEY");
        let (app_id, region) = (self.text("COMETCHAT_APP_ID"), self.text("COMETCHAT_REGION"));
        for (name, value) in [("COMETCHAT_APP_ID", app_id), ("COMETCHAT_REGION", region)] {
            if value.is_none() {
                self.fault(name, "is missing; it stands on your app's page in CometChat's dashboard");
            }
        }
        let alphanumeric = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if let Some(app_id) = app_id.filter(|app_id| !alphanumeric(app_id)) {
            self.fault("COMETCHAT_APP_ID", format_args!("{app_id:?} has characters that no app id has"));
        }
        if let Some(region) = region.filter(|region| !["us", "eu", "in"].contains(region)) {
            self.fault("COMETCHAT_REGION", format_args!("{region:?} is none of us, eu, in"));
        }
        match &api_key {
            None => {
                let words = "is missing; make a REST API key (scope fullAccess) under API & Auth Keys in CometChat's dashboard";
                self.fault("COMETCHAT_API_KEY", words);
            }
            Some(key) if key.expose() == EMULATOR_API_KEY => {
                self.fault(
                    "COMETCHAT_API_KEY",
                    "is the emulator's; set COMETCHAT_EMULATOR_URL or use your own",
                );
            }
            Some(_) => {}
        }
        let (app_id, region) = (app_id?.to_owned(), region?.to_owned());
        let base = Url::parse(&format!("https://{app_id}.api-{region}.cometchat.io/v3")).ok()?;
        Some(CometChat { endpoint: Endpoint { base, app_id, api_key: api_key? }, region, emulator: None })
    }

    fn emulator(&mut self, public_url: Option<&Url>) -> Option<CometChat> {
        if public_url.is_some_and(|url| url.scheme() == "https") {
            self.fault("COMETCHAT_EMULATOR_URL", "is for trying things out: not with a PUBLIC_URL of https");
        }
        let emulator = self.origin("COMETCHAT_EMULATOR_URL")?;
        if emulator.scheme() != "http" {
            self.fault("COMETCHAT_EMULATOR_URL", "the emulator speaks http, not https");
        }
        let or = |value: Option<&str>, default: &str| value.unwrap_or(default).to_owned();
        let endpoint = Endpoint {
            base: emulator.join("v3").ok()?,
            app_id: or(self.sources.get("COMETCHAT_APP_ID"), EMULATOR_APP_ID),
            api_key: self.secret("COMETCHAT_API_KEY").unwrap_or_else(|| Secret::new(EMULATOR_API_KEY)),
        };
        let region = or(self.sources.get("COMETCHAT_REGION"), EMULATOR_REGION);
        Some(CometChat { endpoint, region, emulator: Some(emulator) })
    }

    fn store(&mut self) -> Option<Store> {
        let database_url = self.text("DATABASE_URL").unwrap_or_default().to_owned();
        let secret_key = self.secret_key(&database_url);
        let memory = self.number("ARGON2_MEMORY_KIB", 7168, 262_144);
        let iterations = self.number("ARGON2_ITERATIONS", 1, 16);
        let password_min_length = self.number("PASSWORD_MIN_LENGTH", 8, 64);
        let hash_threads = match self.sources.get("HASH_THREADS") {
            Some(_) => self.number("HASH_THREADS", 1, 1024),
            None => {
                std::thread::available_parallelism().map_or(Some(1), |cores| i64::try_from(cores.get()).ok())
            }
        };
        let (memory, iterations) = (u32::try_from(memory?).ok()?, u32::try_from(iterations?).ok()?);
        let floor = crate::passwords::FLOOR;
        if !floor.iter().any(|(least, passes)| memory >= *least && iterations >= *passes) {
            let choices: Vec<_> = floor.map(|(least, passes)| format!("{least} with {passes}")).into();
            let words = format!(
                "is too little for ARGON2_ITERATIONS={iterations}; OWASP asks for at least {}",
                choices.join(", ")
            );
            self.fault("ARGON2_MEMORY_KIB", words);
        }
        Some(Store {
            database_url,
            secret_key: Key(secret_key?),
            argon2: crate::passwords::params(memory, iterations).ok()?,
            hash_threads: usize::try_from(hash_threads?).ok()?,
            password_min_length: usize::try_from(password_min_length?).ok()?,
        })
    }
}

fn is_of_a_server(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
        && url.host().is_some()
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none()
}

#[cfg(test)]
mod tests;
