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
    pub help: &'static str,
}

const fn setting(name: &'static str, default: Option<&'static str>, help: &'static str) -> Setting {
    Setting { name, default, secret: false, help }
}

const fn secret(name: &'static str, help: &'static str) -> Setting {
    Setting { name, default: None, secret: true, help }
}

pub const SETTINGS: &[Setting] = &[
    setting("LISTEN", Some("127.0.0.1:3000"), "Address and port to serve on; port 0 takes a free one"),
    setting(
        "PUBLIC_URL",
        Some("http://localhost:3000"),
        "Where browsers find this server; https makes the cookies Secure and adds HSTS",
    ),
    setting(
        "DATABASE_URL",
        Some("sqlite://data/cometchat-auth.db"),
        "sqlite://path, made when missing, or postgres://user:password@host/database",
    ),
    setting("COMETCHAT_APP_ID", None, "Your app's id, from CometChat's dashboard"),
    setting("COMETCHAT_REGION", None, "Your app's region: us, eu or in"),
    secret("COMETCHAT_API_KEY", "The REST API key (scope fullAccess); it never leaves the server"),
    setting(
        "COMETCHAT_EMULATOR_URL",
        None,
        "Use the emulator at this http:// address in place of CometChat's cloud",
    ),
    secret(
        "SECRET_KEY",
        "32 bytes in base64 that seal chat tokens; when not set, made once and kept in secret.key beside the database",
    ),
    setting(
        "ALLOWED_ORIGINS",
        None,
        "Other origins whose pages may call the API with cookies, separated by commas",
    ),
    setting(
        "TRUSTED_PROXIES",
        None,
        "Addresses or networks (CIDR) whose X-Forwarded-For is believed, separated by commas",
    ),
    setting("ARGON2_MEMORY_KIB", Some("19456"), "Memory of a password hash, in KiB; at least 7168"),
    setting("ARGON2_ITERATIONS", Some("2"), "Passes of a password hash"),
    setting("HASH_THREADS", None, "Threads that hash passwords; as many as there are cores when not set"),
    setting(
        "LOGIN_ATTEMPTS_PER_MINUTE",
        Some("30"),
        "Sign-ins that one address may try; 0 leaves that to a limiter of your own",
    ),
    setting("SESSION_IDLE_DAYS", Some("7"), "Days after which a session that is not used ends"),
    setting("SESSION_MAX_DAYS", Some("30"), "Days after which every session ends"),
    setting("PASSWORD_MIN_LENGTH", Some("15"), "Characters that a new password needs; at least 8"),
    setting(
        "METRICS_LISTEN",
        None,
        "Address and port to serve metrics for Prometheus on, at /metrics; keep it from the outside",
    ),
    setting("LOG_FORMAT", Some("text"), "text for people, json for machines"),
    setting("RUST_LOG", Some("info"), "What is logged: error, warn, info, debug or trace, also by module"),
];

/// The flags of every setting that may be one, good before and after the subcommand.
pub fn flags() -> impl Iterator<Item = Arg> {
    SETTINGS.iter().map(|setting| {
        let (name, value_name) = if setting.secret {
            (format!("{}_FILE", setting.name), "FILE")
        } else {
            (setting.name.to_owned(), "VALUE")
        };
        let default = setting.default.map(|default| format!(" [default: {default}]")).unwrap_or_default();
        let kind = if setting.secret { "File with: " } else { "" };
        Arg::new(name.clone())
            .long(name.to_lowercase().replace('_', "-"))
            .env(name)
            .hide_env_values(true)
            .global(true)
            .value_name(value_name)
            .help_heading("Settings")
            .help(format!("{kind}{}{default}", setting.help))
    })
}

/// What flags, environment and `.env` say, before anything of it is believed.
#[derive(Debug, Default)]
pub struct Sources {
    values: BTreeMap<String, String>,
}

impl Sources {
    /// Flags go before the environment. Both have been merged by clap but for the secrets, which are
    /// only ever in the environment.
    pub fn new(matches: &ArgMatches, environment: impl Iterator<Item = (String, String)>) -> Self {
        let mut values: BTreeMap<String, String> = environment.collect();
        for flag in flags() {
            let name = flag.get_id().as_str();
            if let Ok(Some(value)) = matches.try_get_one::<String>(name) {
                values.insert(name.to_owned(), value.clone());
            }
        }
        Self { values }
    }

    #[cfg(test)]
    pub fn of(pairs: &[(&str, &str)]) -> Self {
        Self { values: pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect() }
    }

    /// The value of this setting, unless it is not set or empty. White space around it is dropped, as
    /// files and `.env` often add some.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// Names that were meant to be settings and are not, each with the name that was probably meant.
    pub fn unknown(&self) -> Vec<(String, Option<&'static str>)> {
        let known = |name: &str| {
            SETTINGS.iter().any(|setting| {
                setting.name == name || (setting.secret && name.strip_suffix("_FILE") == Some(setting.name))
            })
        };
        self.values
            .keys()
            .filter(|name| !known(name))
            .filter_map(|name| {
                let meant = SETTINGS
                    .iter()
                    .map(|setting| setting.name)
                    .find(|candidate| candidate.len() > 6 && strsim::osa_distance(name, candidate) <= 2);
                let ours = name.starts_with("COMETCHAT_") || meant.is_some();
                ours.then(|| (name.clone(), meant))
            })
            .collect()
    }
}
