//! The table of settings. Command-line flags, `--help`, value checks and `docs/CONFIGURATION.md` are made from it.

use crate::passwords::Backend;
use clap::Arg;

/// A setting, read from a flag, the environment or `.env`. Its flag is the name in lower case with dashes.
pub struct Setting {
    pub name: &'static str,
    pub kind: Kind,
    pub default: Option<&'static str>,
    pub help: &'static str,
}

/// The values that a setting accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text,
    /// A whole number in an inclusive range.
    Number {
        min: i64,
        max: i64,
    },
    OneOf(&'static [&'static str]),
    SocketAddr,
    Url,
    /// Comma-separated origins such as `https://app.example.com`.
    Origins,
    /// Comma-separated IP addresses and CIDR networks.
    Networks,
    /// May hold a password, so it may also come from a file.
    DatabaseUrl,
    /// Has no flag, because every user of the machine can list the arguments of a process.
    Secret,
}

/// Settings under a common heading.
pub struct Group {
    pub title: &'static str,
    pub settings: &'static [Setting],
}

const fn setting(
    name: &'static str,
    kind: Kind,
    default: Option<&'static str>,
    help: &'static str,
) -> Setting {
    Setting { name, kind, default, help }
}

pub const GROUPS: [Group; 5] = [
    Group {
        title: "CometChat",
        settings: &[
            setting(
                "COMETCHAT_APP_ID",
                Kind::Text,
                None,
                "App ID, from the app's page in the CometChat dashboard",
            ),
            setting(
                "COMETCHAT_REGION",
                Kind::OneOf(&["us", "eu", "in"]),
                None,
                "Region of the app, from the same page",
            ),
            setting(
                "COMETCHAT_API_KEY",
                Kind::Secret,
                None,
                "REST API key with scope fullAccess, from API & Auth Keys in the dashboard; it never leaves the server",
            ),
            setting(
                "COMETCHAT_CALLS_PER_MINUTE",
                Kind::Number { min: 60, max: 10_000_000 },
                Some("500"),
                "API calls per minute that CometChat allows the app; background jobs leave a quarter to half of them to logins",
            ),
            setting(
                "COMETCHAT_EMULATOR_URL",
                Kind::Url,
                None,
                "URL (http://) of the emulator to use instead of the CometChat cloud; app ID, region and API key are \
                 then optional",
            ),
        ],
    },
    Group {
        title: "Server",
        settings: &[
            setting(
                "LISTEN",
                Kind::SocketAddr,
                Some("127.0.0.1:3000"),
                "Address and port of the HTTP server; port 0 picks a free port",
            ),
            setting(
                "PUBLIC_URL",
                Kind::Url,
                Some("http://localhost:3000"),
                "URL of this server as browsers see it, optionally with a path; https enables Secure cookies and HSTS; \
                 the port is part of the cookies' names",
            ),
            setting(
                "LOGIN_URL",
                Kind::Url,
                None,
                "Login page of your app. If set, the web app shows no forms of its own: browsers without a session are sent \
                 there, with the page that they wanted as ?return_to=",
            ),
            setting(
                "TRUSTED_PROXIES",
                Kind::Networks,
                None,
                "IP addresses or CIDR networks of the reverse proxies whose X-Forwarded-For is trusted, comma-separated",
            ),
            setting(
                "ALLOWED_ORIGINS",
                Kind::Origins,
                None,
                "Other origins whose pages may call the API with cookies (CORS), comma-separated",
            ),
            setting(
                "REQUEST_TIMEOUT_SECONDS",
                Kind::Number { min: 30, max: 3600 },
                Some("60"),
                "Seconds to read a request and send its response; a pipelined request includes the response before it",
            ),
        ],
    },
    Group {
        title: "Database and keys",
        settings: &[
            setting(
                "DATABASE_URL",
                Kind::DatabaseUrl,
                Some("sqlite://data/cometchat-auth.db"),
                "sqlite://path (created if missing) or postgres://user:password@host/database, with parameters of libpq \
                 such as ?sslmode=verify-full, or ?host=/run/postgresql for a socket",
            ),
            setting(
                "SECRET_KEY",
                Kind::Secret,
                None,
                "32 bytes in base64 that encrypt chat tokens and sign device cookies, the same on all instances; if \
                 unset, generated once and stored in secret.key next to the SQLite database, or in data/ with PostgreSQL",
            ),
            setting(
                "SECRET_KEY_FALLBACKS",
                Kind::Secret,
                None,
                "Further keys that decrypt and verify, comma-separated; during rotation of SECRET_KEY first the next key, \
                 then the previous one",
            ),
        ],
    },
    Group {
        title: "Passwords and sessions",
        settings: &[
            setting(
                "REGISTRATION",
                Kind::OneOf(&["open", "closed"]),
                Some("open"),
                "open: anyone can create an account; closed: only the operator can, with `cometchat-auth user` or \
                 ASSERTION_KEY",
            ),
            setting(
                "PASSWORD_MIN_LENGTH",
                Kind::Number { min: 8, max: 64 },
                Some("15"),
                "Minimum length of a new password, in characters",
            ),
            setting(
                "SESSION_IDLE_DAYS",
                Kind::Number { min: 1, max: 400 },
                Some("7"),
                "Days of inactivity after which a session expires",
            ),
            setting(
                "SESSION_MAX_DAYS",
                Kind::Number { min: 1, max: 400 },
                Some("30"),
                "Days after which a session expires even if it is in use; browsers keep no cookie longer than 400",
            ),
            setting(
                "ASSERTION_KEY",
                Kind::Secret,
                None,
                "32 bytes in base64, shared with an application that logs its users in with POST /api/login/assertion; \
                 two keys, comma-separated, during rotation",
            ),
            setting(
                "LOGIN_ATTEMPTS_PER_MINUTE",
                Kind::Number { min: 0, max: 1_000_000 },
                Some("30"),
                "Logins, registrations and assertion logins per minute from one IP address; 0 disables the limit",
            ),
            setting(
                "ACTIONS_PER_USER",
                Kind::Number { min: 0, max: 1_000_000 },
                Some("20"),
                "Logins, chat tokens, name changes and password changes of one user in 10 minutes, counted separately; \
                 0 disables the limit",
            ),
            setting(
                "ARGON2_MEMORY_KIB",
                Kind::Number { min: 7168, max: 262_144 },
                Some("19456"),
                "Argon2id memory of one password hash, in KiB",
            ),
            setting(
                "ARGON2_ITERATIONS",
                Kind::Number { min: 1, max: 16 },
                Some("2"),
                "Argon2id passes of one password hash; OWASP requires more with less memory",
            ),
            setting(
                "ARGON2_BACKEND",
                Kind::OneOf(&Backend::NAMES),
                Some(Backend::Simd.name()),
                "Implementation of Argon2id: argon2-rust with the processor's vector instructions, or the slower one of \
                 RustCrypto. Both compute the same hashes",
            ),
            setting(
                "PASSWORD_HASH_THREADS",
                Kind::Number { min: 1, max: 1024 },
                None,
                "Threads that hash passwords, each with the memory of one hash; if unset, the number of CPU cores. Half \
                 as many further threads verify hashes of other systems",
            ),
        ],
    },
    Group {
        title: "Observability",
        settings: &[
            setting(
                "METRICS_LISTEN",
                Kind::SocketAddr,
                None,
                "Address and port of the Prometheus endpoint /metrics; do not expose it to the internet",
            ),
            setting("LOG_FORMAT", Kind::OneOf(&["text", "json"]), Some("text"), "Format of the log"),
            setting(
                "RUST_LOG",
                Kind::Text,
                Some("info"),
                "Log filter: error, warn, info, debug or trace, optionally per module",
            ),
        ],
    },
];

/// Settings that had another name: the old and the new one.
pub(super) const RENAMED: [(&str, &str); 2] =
    [("HANDOVER_KEY", "ASSERTION_KEY"), ("HASH_THREADS", "PASSWORD_HASH_THREADS")];

/// Returns all settings in the order of the documentation.
pub fn settings() -> impl Iterator<Item = &'static Setting> {
    GROUPS.iter().flat_map(|group| group.settings)
}

impl Setting {
    pub fn is_secret(&self) -> bool {
        self.kind == Kind::Secret
    }

    /// Returns whether the value may be in the file that `{name}_FILE` names.
    pub fn may_be_in_file(&self) -> bool {
        matches!(self.kind, Kind::Secret | Kind::DatabaseUrl)
    }

    /// Returns the accepted values for the documentation, unless the help text says all about them.
    pub fn accepted_values(&self) -> Option<String> {
        match self.kind {
            Kind::Number { min, max } => Some(format!("{min} to {max}")),
            Kind::OneOf(values) => Some(values.join(", ")),
            _ => None,
        }
    }
}

/// Returns the flags of all settings; each is accepted before and after the subcommand.
pub fn flags() -> impl Iterator<Item = Arg> {
    GROUPS.iter().flat_map(|group| group.settings.iter().flat_map(|setting| flags_of(setting, group.title)))
}

fn flags_of(setting: &'static Setting, heading: &'static str) -> impl Iterator<Item = Arg> {
    let value = (!setting.is_secret()).then(|| {
        let mut help = setting.help.to_owned();
        if let Some(values) = setting.accepted_values() {
            help.push_str(&format!(" [values: {values}]"));
        }
        if let Some(default) = setting.default {
            help.push_str(&format!(" [default: {default}]"));
        }
        flag(setting.name.to_owned(), "VALUE", heading).help(help)
    });
    let file = setting.may_be_in_file().then(|| {
        let content = if setting.is_secret() { setting.help } else { setting.name };
        flag(format!("{}_FILE", setting.name), "FILE", heading).help(format!("File with: {content}"))
    });
    value.into_iter().chain(file)
}

fn flag(name: String, value_name: &'static str, heading: &'static str) -> Arg {
    Arg::new(name.clone())
        .long(name.to_lowercase().replace('_', "-"))
        .env(name)
        .hide_env_values(true)
        .global(true)
        .value_name(value_name)
        .help_heading(heading)
}
