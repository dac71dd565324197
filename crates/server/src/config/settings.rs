//! The list of settings: name, default and meaning of each. The command line, `--help` and the checks
//! are all made from this list.

use clap::{Arg, ArgMatches};
use std::collections::BTreeMap;

/// One setting. Its flag is the name in lower case with dashes.
pub struct Setting {
    pub name: &'static str,
    pub default: Option<&'static str>,
    /// Read from the environment or from the file that `{name}_FILE` names, and never from a flag: every
    /// user of the machine can see those.
    pub secret: bool,
    /// It may also be in the file that `{name}_FILE` names.
    pub in_file: bool,
    pub help: &'static str,
    /// The heading that it stands under.
    pub group: &'static str,
}

const COMETCHAT: &str = "CometChat";
const SERVER: &str = "The server";
const DATA: &str = "Database and keys";
const LOGIN: &str = "Passwords and sessions";
const OBSERVABILITY: &str = "Watching it";

const fn setting(
    group: &'static str,
    name: &'static str,
    default: Option<&'static str>,
    help: &'static str,
) -> Setting {
    Setting { name, default, secret: false, in_file: false, help, group }
}

const fn secret(group: &'static str, name: &'static str, help: &'static str) -> Setting {
    Setting { name, default: None, secret: true, in_file: true, help, group }
}

pub const SETTINGS: &[Setting] = &[
    setting(COMETCHAT, "COMETCHAT_APP_ID", None, "Your app's id, from its page in CometChat's dashboard"),
    setting(COMETCHAT, "COMETCHAT_REGION", None, "Your app's region, from the same page: us, eu or in"),
    secret(
        COMETCHAT,
        "COMETCHAT_API_KEY",
        "The REST API key (scope fullAccess), from API & Auth Keys in the dashboard; it never leaves the server",
    ),
    setting(
        COMETCHAT,
        "COMETCHAT_CALLS_PER_MINUTE",
        Some("500"),
        "Calls of its API that CometChat allows your app; work that can wait leaves half of them to sign-ins",
    ),
    setting(
        COMETCHAT,
        "COMETCHAT_EMULATOR_URL",
        None,
        "Use the emulator at this http:// address in place of CometChat's cloud; then the three above have defaults",
    ),
    setting(
        SERVER,
        "LISTEN",
        Some("127.0.0.1:3000"),
        "Address and port to serve on; port 0 takes a free one",
    ),
    setting(
        SERVER,
        "PUBLIC_URL",
        Some("http://localhost:3000"),
        "Where browsers find this server, perhaps with a path; https makes the cookies Secure and adds HSTS",
    ),
    setting(
        SERVER,
        "TRUSTED_PROXIES",
        None,
        "Addresses or networks (CIDR) whose X-Forwarded-For is believed, separated by commas",
    ),
    setting(
        SERVER,
        "ALLOWED_ORIGINS",
        None,
        "Other origins whose pages may call the API with cookies, separated by commas",
    ),
    setting(
        SERVER,
        "REQUEST_TIMEOUT_SECONDS",
        Some("60"),
        "Seconds that a client may take to send a request, get its answer and take the one before; at least 30",
    ),
    Setting {
        in_file: true,
        ..setting(
            DATA,
            "DATABASE_URL",
            Some("sqlite://data/cometchat-auth.db"),
            "sqlite://path, made when missing, or postgres://user:password@host/database",
        )
    },
    secret(
        DATA,
        "SECRET_KEY",
        "32 bytes in base64 that seal chat tokens and sign device cookies; when not set, made once and kept in \
         secret.key beside a SQLite database, with PostgreSQL in data/; the same for all instances",
    ),
    secret(
        DATA,
        "SECRET_KEY_FALLBACKS",
        "Keys that also open what is sealed and recognise what is signed, with commas between them: while SECRET_KEY is \
         changed, first the next key and then the one before",
    ),
    setting(
        LOGIN,
        "REGISTRATION",
        Some("open"),
        "open: who has no account can make one; closed: only you make them, by `cometchat-auth user` or ASSERTION_KEY",
    ),
    setting(LOGIN, "PASSWORD_MIN_LENGTH", Some("15"), "Characters that a new password needs; at least 8"),
    setting(LOGIN, "SESSION_IDLE_DAYS", Some("7"), "Days after which a session that is not used ends"),
    setting(LOGIN, "SESSION_MAX_DAYS", Some("30"), "Days after which every session ends"),
    secret(
        LOGIN,
        "ASSERTION_KEY",
        "32 bytes in base64, shared with an app that signs its users in itself and hands them over to POST /api/login/assertion; while it is changed two of them, with a comma",
    ),
    setting(
        LOGIN,
        "LOGIN_ATTEMPTS_PER_MINUTE",
        Some("30"),
        "Sign-ins, registrations and hand-overs that one address may try; 0 leaves that to a limiter of your own",
    ),
    setting(
        LOGIN,
        "ACTIONS_PER_USER",
        Some("20"),
        "Sign-ins, chat tokens, new names and new passwords, each kind by itself, that one user may ask for in ten \
         minutes; 0: any number",
    ),
    setting(LOGIN, "ARGON2_MEMORY_KIB", Some("19456"), "Memory of a password hash, in KiB; at least 7168"),
    setting(
        LOGIN,
        "ARGON2_ITERATIONS",
        Some("2"),
        "Passes of a password hash; with less memory OWASP asks for more of them",
    ),
    setting(
        LOGIN,
        "PASSWORD_HASH_THREADS",
        None,
        "Threads that hash passwords, each with the memory of one hash; as many as there are cores when not set. Half as many more check hashes of other systems",
    ),
    setting(
        OBSERVABILITY,
        "METRICS_LISTEN",
        None,
        "Address and port to serve metrics for Prometheus on, at /metrics; keep it from the outside",
    ),
    setting(OBSERVABILITY, "LOG_FORMAT", Some("text"), "text for people, json for machines"),
    setting(
        OBSERVABILITY,
        "RUST_LOG",
        Some("info"),
        "What is logged: error, warn, info, debug or trace, also by module",
    ),
];

/// The flags of every setting that may be one, good before and after the subcommand.
pub fn flags() -> impl Iterator<Item = Arg> {
    SETTINGS.iter().flat_map(|setting| {
        let default = setting.default.map(|default| format!(" [default: {default}]")).unwrap_or_default();
        let value = (!setting.secret).then(|| {
            flag(setting, setting.name.to_owned(), "VALUE").help(format!("{}{default}", setting.help))
        });
        let file = setting.in_file.then(|| {
            let help = format!("File with: {}", if setting.secret { setting.help } else { setting.name });
            flag(setting, format!("{}_FILE", setting.name), "FILE").help(help)
        });
        value.into_iter().chain(file)
    })
}

fn flag(setting: &Setting, name: String, value_name: &'static str) -> Arg {
    Arg::new(name.clone())
        .long(name.to_lowercase().replace('_', "-"))
        .env(name)
        .hide_env_values(true)
        .global(true)
        .value_name(value_name)
        .help_heading(setting.group)
}

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueSource {
    Flag,
    Environment,
    DotEnv,
    Default,
}

/// Settings that had another name: the old one, and the new one.
const RENAMED: [(&str, &str); 2] =
    [("HANDOVER_KEY", "ASSERTION_KEY"), ("HASH_THREADS", "PASSWORD_HASH_THREADS")];

/// What flags, environment and `.env` say, before anything of it is believed.
#[derive(Debug, Default)]
pub struct Sources {
    values: BTreeMap<String, (String, ValueSource)>,
    /// Nothing may be made: not even a secret key where there is none.
    pub read_only: bool,
}

impl Sources {
    /// `environment`: with what `.env` has added to it, told apart. Flags go before all. clap has merged them
    /// with the environment, but for the secrets, which are only ever there.
    pub fn new(
        matches: &ArgMatches,
        environment: impl Iterator<Item = (String, String, ValueSource)>,
    ) -> Self {
        let mut values: BTreeMap<String, _> =
            environment.map(|(name, value, origin)| (name, (value, origin))).collect();
        for flag in flags() {
            let name = flag.get_id().as_str();
            if let Ok(Some(value)) = matches.try_get_one::<String>(name)
                && matches.value_source(name) == Some(clap::parser::ValueSource::CommandLine)
            {
                values.insert(name.to_owned(), (value.clone(), ValueSource::Flag));
            }
        }
        Self { values, read_only: false }
    }

    #[cfg(test)]
    pub fn of(pairs: &[(&str, &str)]) -> Self {
        let value = |value: &str| (value.to_owned(), ValueSource::Environment);
        let values = pairs.iter().map(|(name, text)| ((*name).into(), value(text))).collect();
        Self { values, read_only: false }
    }

    /// The value of this setting, unless it is not set or empty. White space around it is dropped, as
    /// files and `.env` often add some.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(|(value, _)| value.trim()).filter(|value| !value.is_empty())
    }

    /// Where the value of this setting comes from.
    pub fn origin(&self, name: &str) -> ValueSource {
        match self.values.get(name) {
            Some((value, origin)) if !value.trim().is_empty() => *origin,
            _ => ValueSource::Default,
        }
    }

    /// Names that were meant to be settings and are not, each with the name that was probably meant.
    pub fn unknown(&self) -> Vec<(String, Option<&'static str>)> {
        let known = |name: &str| {
            SETTINGS.iter().any(|setting| {
                setting.name == name || (setting.in_file && name.strip_suffix("_FILE") == Some(setting.name))
            })
        };
        self.values
            .keys()
            .filter(|name| !known(name))
            .filter_map(|name| {
                let renamed = RENAMED.iter().find(|(old, _)| *old == name.trim_end_matches("_FILE"));
                let meant = renamed.map(|(_, new)| *new).or_else(|| {
                    SETTINGS
                        .iter()
                        .map(|setting| setting.name)
                        .find(|candidate| candidate.len() > 6 && strsim::osa_distance(name, candidate) <= 2)
                });
                let ours = name.starts_with("COMETCHAT_") || meant.is_some();
                ours.then(|| (name.clone(), meant))
            })
            .collect()
    }
}
