//! Parses a PostgreSQL URL, and the variables of libpq that complete it.

use super::open_error::UrlError;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use std::num::NonZeroU16;
use std::path::Path;
use std::str::FromStr as _;
use url::{Host, Url};

/// The parameters of a PostgreSQL URL that sqlx applies, by libpq's names.
pub const POSTGRES_PARAMETERS: [&str; 12] = [
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
];
/// The parameters that can be invalid or contradict others, with the variables that sqlx reads if the URL lacks them.
const VARIABLES: [(&str, &str); 6] = [
    ("sslmode", "PGSSLMODE"),
    ("sslrootcert", "PGSSLROOTCERT"),
    ("sslcert", "PGSSLCERT"),
    ("sslkey", "PGSSLKEY"),
    ("port", "PGPORT"),
    ("options", "PGOPTIONS"),
];
/// Settings of a PostgreSQL session that the server sets itself.
const OWN_OPTIONS: [&str; 2] = ["statement_timeout", "idle_in_transaction_session_timeout"];

/// Parses a PostgreSQL URL. `variable` returns a variable of the environment.
pub(super) fn parse(
    text: &str,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<PgConnectOptions, UrlError> {
    let variable = |name| variable(name).filter(|value| !value.is_empty());
    let mut url = postgres_url(text)?;
    let mut parameters = Parameters::of_url(&url)?;
    for (name, variable_name) in VARIABLES {
        let is_in_url = parameters.get(name).is_some() || (name == "port" && url.port().is_some());
        // sqlx applies the options of both.
        if let Some(value) = variable(variable_name).filter(|_| !is_in_url || name == "options") {
            parameters.0.push(Parameter { name: name.to_owned(), value, variable: variable_name });
        }
    }
    parameters.check()?;
    if parameters.get("host").is_none() && parameters.get("hostaddr").is_none() {
        let port = parameters.get("port").and_then(|port| port.parse().ok()).or(url.port());
        let host = match url.host() {
            // sqlx takes the brackets for a part of a host name.
            Some(Host::Ipv6(address)) => Some(address.to_string()),
            Some(Host::Domain(PLACEHOLDER)) => variable("PGHOSTADDR")
                .or_else(|| variable("PGHOST"))
                .or_else(|| Some(default_host(port.unwrap_or(5432)).to_owned())),
            _ => None,
        };
        if let Some(host) = host {
            url.query_pairs_mut().append_pair("host", &host);
        }
    }
    let options =
        PgConnectOptions::from_str(url.as_str()).map_err(|error| UrlError::new(error.to_string()))?;
    // PgBouncer rejects this parameter of a connection. It is for floating-point numbers, and the schema has none.
    Ok(options.extra_float_digits(None))
}

/// Stands for the host that libpq allows to leave out, as in `postgres://user@/database?host=/run/postgresql`.
const PLACEHOLDER: &str = "host.invalid";

/// Parses a PostgreSQL URL, with [`PLACEHOLDER`] if it has no host.
fn postgres_url(text: &str) -> Result<Url, UrlError> {
    let (scheme, rest) = text.split_once("://").unwrap_or_default();
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    // Otherwise part of the password would be parsed as the name of a host or database, and appear in messages.
    if path.contains('@') {
        return Err(UrlError::new("percent-encode / ? # @ in the password as %2F %3F %23 %40"));
    }
    if path.contains('#') {
        return Err(UrlError::new("percent-encode # as %23"));
    }
    let (user, host) = authority.rsplit_once('@').map_or(("", authority), |(user, host)| (user, host));
    let at = if authority.contains('@') { "@" } else { "" };
    let placeholder = if host.is_empty() || host.starts_with(':') { PLACEHOLDER } else { "" };
    let url = Url::parse(&format!("{scheme}://{user}{at}{placeholder}{host}{path}"));
    url.map_err(|error| {
        UrlError::new(format!("is not a URL like postgres://user:password@host/database: {error}"))
    })
}

/// Returns libpq's default: the folder of a socket in one of the usual folders, or localhost.
fn default_host(port: u16) -> &'static str {
    let has_socket = |folder: &&str| Path::new(folder).join(format!(".s.PGSQL.{port}")).exists();
    ["/var/run/postgresql", "/tmp"].into_iter().find(has_socket).unwrap_or("localhost")
}

struct Parameter {
    /// libpq's name.
    name: String,
    value: String,
    /// The variable that it comes from, for messages.
    variable: &'static str,
}

impl Parameter {
    /// Returns whether sqlx takes the value for a certificate or key, and not for the path of its file.
    fn is_inline(&self) -> bool {
        self.variable != "DATABASE_URL" && self.value.trim_start().starts_with("-----BEGIN")
    }
}

struct Parameters(Vec<Parameter>);

impl Parameters {
    fn of_url(url: &Url) -> Result<Self, UrlError> {
        let mut parameters = Self(Vec::new());
        for (name, value) in url.query_pairs() {
            let name = match &*name {
                "ssl-mode" => "sslmode",
                "ssl-root-cert" | "ssl-ca" => "sslrootcert",
                "ssl-cert" => "sslcert",
                "ssl-key" => "sslkey",
                // options[search_path]=…
                name if name.starts_with("options[") && name.ends_with(']') => name,
                name if POSTGRES_PARAMETERS.contains(&name) => name,
                // The name may be a part of a password in the URL's parameters.
                _ if url.query_pairs().any(|(name, _)| name == "password") => {
                    let message =
                        "a parameter is unknown, or & in the password is not percent-encoded as %26";
                    return Err(UrlError::new(message));
                }
                name => return Err(unknown_parameter(name)),
            };
            if parameters.get(name).is_some() {
                return Err(UrlError::new(format!("the parameter {name} is there twice: give it once")));
            }
            let (name, value) = (name.to_owned(), value.into_owned());
            parameters.0.push(Parameter { name, value, variable: "DATABASE_URL" });
        }
        Ok(parameters)
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|parameter| parameter.name == name).map(|parameter| &*parameter.value)
    }

    /// Rejects invalid parameters, and those that contradict each other, so that one of them has no effect.
    fn check(&self) -> Result<(), UrlError> {
        self.0.iter().try_for_each(|parameter| match self.mistake_in(parameter) {
            Some(message) => Err(UrlError { variable: parameter.variable, message }),
            None => Ok(()),
        })
    }

    fn mistake_in(&self, parameter: &Parameter) -> Option<String> {
        let (name, value) = (&*parameter.name, &*parameter.value);
        let mode = self.get("sslmode").unwrap_or("prefer").to_ascii_lowercase();
        let has_own_option = |text: &str| OWN_OPTIONS.iter().any(|own| text.contains(own));
        let message = match name {
            "sslmode" if mode.parse::<PgSslMode>().is_err() => {
                "sslmode must be disable, prefer, require, verify-ca or verify-full"
            }
            "sslmode" if mode == "allow" => "sslmode=allow would be disable: use disable or prefer",
            "sslrootcert" if !matches!(&*mode, "verify-ca" | "verify-full") => {
                "sslrootcert only has an effect with sslmode=verify-ca or verify-full"
            }
            "sslcert" | "sslkey" if self.get("sslcert").is_none() || self.get("sslkey").is_none() => {
                "sslcert and sslkey need each other: give both"
            }
            "sslrootcert" | "sslcert" | "sslkey" if !parameter.is_inline() => {
                // Without the value, which may be a key.
                let error = std::fs::read(value).err()?;
                return Some(format!("cannot read the file of {name}: {error}"));
            }
            "host" if self.get("hostaddr").is_some() => {
                "of host and hostaddr, only one has an effect: give one"
            }
            "host" if value.contains(',') => "only one host has an effect: give one",
            "port" if value.parse::<NonZeroU16>().is_err() => "the port must be a number from 1 to 65535",
            _ if name.starts_with("options") && (has_own_option(name) || has_own_option(value)) => {
                "options cannot set statement_timeout and idle_in_transaction_session_timeout, the server sets them"
            }
            _ => return None,
        };
        Some(message.to_owned())
    }
}

fn unknown_parameter(name: &str) -> UrlError {
    let similar = POSTGRES_PARAMETERS.into_iter().find(|known| strsim::osa_distance(known, name) <= 2);
    UrlError::new(match similar {
        Some(known) => format!("unknown parameter {name}: did you mean {known}?"),
        None => {
            let accepted = POSTGRES_PARAMETERS.join(", ");
            format!("unknown parameter {name}: it would have no effect, remove it. Accepted: {accepted}")
        }
    })
}

/// Returns the name of a PostgreSQL database for messages. It has no password, unlike the URL.
pub(super) fn place(options: &PgConnectOptions) -> String {
    let database = options.get_database().unwrap_or(options.get_username());
    let (host, port) = (options.get_host(), options.get_port());
    match options.get_socket() {
        Some(socket) => format!("{database} on {}", socket.display()),
        None if host.starts_with('/') => format!("{database} on {host}"),
        None if host.contains(':') => format!("{database} on [{host}]:{port}"),
        None => format!("{database} on {host}:{port}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(url: &str) -> PgConnectOptions {
        parse(url, |_| None).unwrap_or_else(|error| panic!("{url}: {error}"))
    }

    #[test]
    fn postgres_url_may_name_ipv6_literal_or_no_host() {
        for (url, expected) in [
            ("postgres://u@[::1]:5433/d", "d on [::1]:5433"),
            ("postgresql://u:p@[2001:db8::7]/d?sslmode=require", "d on [2001:db8::7]:5432"),
            ("postgres://u@db.example.com:5433/d", "d on db.example.com:5433"),
            ("postgres://u:p@/d?host=/run/postgresql", "d on /run/postgresql"),
            ("postgres://u:p@:5433/d?host=/run/postgresql", "d on /run/postgresql"),
            ("postgres:///d?host=/run/postgresql&user=u", "d on /run/postgresql"),
            ("postgres:///d?host=::1", "d on [::1]:5432"),
            ("postgres://u@/d?host=db.example.com", "d on db.example.com:5432"),
            (
                "postgres://u@localhost/d?host=/cloudsql/project:region:name",
                "d on /cloudsql/project:region:name",
            ),
            ("postgres://u@%2Frun%2Fpostgresql/d", "d on /run/postgresql"),
            ("postgres://u@h", "u on h:5432"),
        ] {
            assert_eq!(place(&options(url)), expected, "{url}");
        }
        // libpq's default: a socket in one of the usual directories, or localhost.
        let default = PgConnectOptions::new_without_pgpass();
        assert_eq!(options("postgres://u:p@/d").get_host(), default.get_host());
        assert_eq!(options("postgres://u:p@:5433/d").get_port(), 5433);
    }

    #[test]
    fn default_host_has_socket_of_the_urls_port() {
        // No server listens on so low a port.
        let port = std::process::id() % 1000 + 1;
        let name = format!(".s.PGSQL.{port}");
        let _socket = tempfile::Builder::new().prefix(&name).rand_bytes(0).tempfile_in("/tmp").unwrap();
        for url in [format!("postgres://u@:{port}/d"), format!("postgres://u@/d?port={port}")] {
            assert_eq!(place(&options(&url)), "d on /tmp");
        }
        let with_host = |name: &str| (name == "PGHOST").then(|| "db.example.com".to_owned());
        let named = parse(&format!("postgres://u@:{port}/d"), with_host).unwrap();
        assert_eq!(place(&named), format!("d on db.example.com:{port}"));
    }

    #[test]
    fn unknown_parameter_beside_a_password_is_not_echoed() {
        let error = parse("postgres://h/d?user=u&password=hunt&er2=x", |_| None).unwrap_err().to_string();
        assert!(!error.contains("er2"), "{error}");
    }

    #[test]
    fn postgres_variable_without_effect_is_rejected() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let file = &*file.path().display().to_string();
        let key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----";
        for (url, variables, message) in [
            ("postgres://u@h/d", &[("PGSSLMODE", "verify-full")][..], None),
            ("postgres://u@h/d", &[("PGSSLMODE", "verify_full")], Some("PGSSLMODE: sslmode must be")),
            ("postgres://u@h/d?sslmode=require", &[("PGSSLMODE", "verify_full")], None),
            (
                "postgres://u@h/d",
                &[("PGSSLROOTCERT", file)],
                Some("PGSSLROOTCERT: sslrootcert only has an effect"),
            ),
            ("postgres://u@h/d?sslmode=verify-full", &[("PGSSLROOTCERT", file)], None),
            (
                "postgres://u@h/d",
                &[("PGSSLCERT", file)],
                Some("PGSSLCERT: sslcert and sslkey need each other"),
            ),
            ("postgres://u@h/d", &[("PGSSLCERT", file), ("PGSSLKEY", key)], None),
            (
                "postgres://u@h/d",
                &[("PGSSLCERT", file), ("PGSSLKEY", "/")],
                Some("PGSSLKEY: cannot read the file"),
            ),
            ("postgres://u@h/d", &[("PGPORT", "five")], Some("PGPORT: the port must be a number")),
            ("postgres://u@h:5433/d", &[("PGPORT", "five")], None),
            ("postgres://u@h/d", &[("PGPORT", "")], None),
            (
                "postgres://u@h/d?options[search_path]=auth",
                &[("PGOPTIONS", "-c statement_timeout=0")],
                Some("PGOPTIONS: options cannot set statement_timeout"),
            ),
            ("postgres://u@h/d?sslmode=no", &[("PGPORT", "five")], Some("DATABASE_URL: sslmode must be")),
            (&format!("postgres://u@h/d?sslkey={file}"), &[("PGSSLCERT", file)], None),
        ] {
            let variable = |name: &str| {
                let found = variables.iter().find(|(variable, _)| *variable == name);
                found.map(|(_, value)| (*value).to_owned())
            };
            let error = parse(url, variable).err().map(|error| format!("{}: {error}", error.variable));
            let is_expected = match (&error, message) {
                (Some(error), Some(message)) => error.starts_with(message),
                (error, message) => error.is_none() && message.is_none(),
            };
            assert!(is_expected, "{url}, {variables:?}: {error:?}");
        }
    }
}
