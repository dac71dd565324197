//! Parses `DATABASE_URL`. It rejects what sqlx ignores: a parameter without effect is a mistake of the operator.

use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::str::FromStr as _;
use url::{Host, Url};

/// The parameters of a PostgreSQL URL that sqlx applies, by libpq's names.
const POSTGRES_PARAMETERS: [&str; 12] = [
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
/// Settings of a PostgreSQL session that the server sets itself.
const OWN_OPTIONS: [&str; 2] = ["statement_timeout", "idle_in_transaction_session_timeout"];

/// The error of a database URL. The message does not quote the URL, which may hold a password.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UrlError(String);

/// A parsed URL.
pub(super) enum DatabaseUrl {
    Sqlite(SqliteConnectOptions),
    Postgres(PgConnectOptions),
}

/// Checks a URL, and the variables that complete a PostgreSQL URL (libpq's `PG…`). `variable` returns their values.
pub fn check<'a>(url: &str, variable: impl Fn(&str) -> Option<&'a str>) -> Result<(), UrlError> {
    if let DatabaseUrl::Sqlite(_) = parse(url)? {
        return Ok(());
    }
    if variable("PGPORT").is_some_and(|port| port.parse::<u16>().is_err()) {
        return Err(UrlError("PGPORT in the environment is not a port".into()));
    }
    let mut parameters = postgres_parameters(&postgres_url(url)?)?;
    for (name, variable_name) in
        [("sslmode", "PGSSLMODE"), ("sslrootcert", "PGSSLROOTCERT"), ("options", "PGOPTIONS")]
    {
        if let Some(value) = variable(variable_name) {
            parameters.entry(name.into()).or_insert_with(|| value.to_owned());
        }
    }
    check_parameters(&parameters)
}

pub(super) fn parse(url: &str) -> Result<DatabaseUrl, UrlError> {
    if url.starts_with("sqlite:") {
        parse_sqlite(url).map(DatabaseUrl::Sqlite)
    } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        parse_postgres(url).map(DatabaseUrl::Postgres)
    } else {
        Err(UrlError("must begin with sqlite:// or postgres://".into()))
    }
}

/// Returns the file of a SQLite URL, or `None` for any other URL.
pub fn sqlite_path(url: &str) -> Option<PathBuf> {
    match parse(url) {
        Ok(DatabaseUrl::Sqlite(options)) => Some(options.get_filename().to_owned()),
        _ => None,
    }
}

fn parse_sqlite(url: &str) -> Result<SqliteConnectOptions, UrlError> {
    let path = url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:")).unwrap_or_default();
    let (path, parameters) = path.split_once('?').unwrap_or((path, "mode=rwc"));
    if path.is_empty() || path == ":memory:" {
        return Err(UrlError("name a file: data in memory is lost when the server stops".into()));
    }
    // Creating the file is what the server does anyway.
    if parameters != "mode=rwc" {
        return Err(UrlError("SQLite takes no parameters here: remove them, from the ? on".into()));
    }
    SqliteConnectOptions::from_str(url).map_err(|error| UrlError(error.to_string()))
}

fn parse_postgres(text: &str) -> Result<PgConnectOptions, UrlError> {
    let mut url = postgres_url(text)?;
    let parameters = postgres_parameters(&url)?;
    check_parameters(&parameters)?;
    if !parameters.contains_key("host") && !parameters.contains_key("hostaddr") {
        let host = match url.host() {
            // sqlx takes the brackets for a part of a host name.
            Some(Host::Ipv6(address)) => Some(address.to_string()),
            Some(Host::Domain(PLACEHOLDER)) => {
                Some(PgConnectOptions::new_without_pgpass().get_host().to_owned())
            }
            _ => None,
        };
        if let Some(host) = host {
            url.query_pairs_mut().append_pair("host", &host);
        }
    }
    let options = PgConnectOptions::from_str(url.as_str()).map_err(|error| UrlError(error.to_string()))?;
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
        return Err(UrlError("percent-encode / ? # @ in the password as %2F %3F %23 %40".into()));
    }
    if path.contains('#') {
        return Err(UrlError("percent-encode # as %23".into()));
    }
    let (user, host) = authority.rsplit_once('@').map_or(("", authority), |(user, host)| (user, host));
    let at = if authority.contains('@') { "@" } else { "" };
    let placeholder = if host.is_empty() || host.starts_with(':') { PLACEHOLDER } else { "" };
    let url = Url::parse(&format!("{scheme}://{user}{at}{placeholder}{host}{path}"));
    url.map_err(|error| UrlError(format!("is not a URL: {error}")))
}

/// Returns the parameters of a URL by libpq's names.
fn postgres_parameters(url: &Url) -> Result<BTreeMap<String, String>, UrlError> {
    let mut parameters = BTreeMap::new();
    let names: BTreeSet<_> = url.query_pairs().map(|(name, _)| name.into_owned()).collect();
    for (name, value) in url.query_pairs() {
        let canonical = match &*name {
            "ssl-mode" => "sslmode",
            "ssl-root-cert" | "ssl-ca" => "sslrootcert",
            "ssl-cert" => "sslcert",
            "ssl-key" => "sslkey",
            // options[search_path]=…
            name if name.starts_with("options[") && name.ends_with(']') => name,
            name => POSTGRES_PARAMETERS.into_iter().find(|known| *known == name).ok_or_else(|| {
                // The name may be a part of a password in the URL's parameters.
                if names.contains("password") {
                    return UrlError(
                        "a parameter is unknown, or & in the password is not percent-encoded".into(),
                    );
                }
                let similar = POSTGRES_PARAMETERS.iter().find(|known| strsim::osa_distance(known, name) <= 2);
                let hint = similar
                    .map_or("it would have no effect".to_owned(), |known| format!("did you mean {known}?"));
                UrlError(format!("unknown parameter {name}: {hint}"))
            })?,
        };
        if parameters.insert(canonical.to_owned(), value.into_owned()).is_some() {
            return Err(UrlError(format!("the parameter {canonical} is there twice")));
        }
    }
    Ok(parameters)
}

/// Rejects parameters that contradict each other, so that one of them has no effect.
fn check_parameters(parameters: &BTreeMap<String, String>) -> Result<(), UrlError> {
    let get = |name: &str| parameters.get(name).map(String::as_str);
    let mode = get("sslmode").unwrap_or("prefer").to_ascii_lowercase();
    let is_verified = matches!(mode.as_str(), "verify-ca" | "verify-full");
    let error = if mode.parse::<sqlx::postgres::PgSslMode>().is_err() {
        "sslmode must be disable, prefer, require, verify-ca or verify-full"
    } else if mode == "allow" {
        "sslmode=allow would be disable: use disable or prefer"
    } else if get("sslrootcert").is_some() && !is_verified {
        "sslrootcert only has an effect with sslmode=verify-ca or verify-full"
    } else if get("sslcert").is_some() != get("sslkey").is_some() {
        "sslcert and sslkey need each other"
    } else if get("host").is_some() && get("hostaddr").is_some() {
        "of host and hostaddr, only one has an effect"
    } else if get("host").is_some_and(|host| host.contains(',')) {
        "only one host has an effect"
    } else if parameters.iter().any(|(name, value)| {
        name.starts_with("options") && OWN_OPTIONS.iter().any(|own| name.contains(own) || value.contains(own))
    }) {
        "options cannot set statement_timeout and idle_in_transaction_session_timeout, the server sets them"
    } else {
        return Ok(());
    };
    Err(UrlError(error.to_owned()))
}

/// Returns the name of a PostgreSQL database for messages. It has no password, unlike the URL.
pub(super) fn place(options: &PgConnectOptions) -> String {
    let database = options.get_database().unwrap_or("postgres");
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

    fn checked(url: &str) -> Result<(), String> {
        check(url, |_| None).map_err(|error| error.to_string())
    }

    fn postgres(url: &str) -> PgConnectOptions {
        match parse(url) {
            Ok(DatabaseUrl::Postgres(options)) => options,
            Ok(DatabaseUrl::Sqlite(_)) => panic!("{url}"),
            Err(error) => panic!("{url}: {error}"),
        }
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
        ] {
            assert_eq!(place(&postgres(url)), expected, "{url}");
            assert_eq!(checked(url), Ok(()), "{url}");
        }
        // libpq's default: a socket in one of the usual directories, or localhost.
        let default = PgConnectOptions::new_without_pgpass();
        assert_eq!(postgres("postgres://u:p@/d").get_host(), default.get_host());
        assert_eq!(postgres("postgres://u:p@:5433/d").get_port(), 5433);
    }

    #[test]
    fn database_url_with_void_parameter_is_rejected() {
        for (url, message) in [
            ("postgres://u@h/d?ssl_mode=verify-full", "unknown parameter ssl_mode: did you mean sslmode?"),
            ("postgres://u@h/d?sslrootcertt=x", "did you mean sslrootcert?"),
            ("postgres://u@h/d?connect_timeout=5", "unknown parameter connect_timeout"),
            ("postgres://u@h/d?statement-cache-capacity=0", "unknown parameter statement-cache-capacity"),
            ("postgres://u@h/d?sslmode=verify_full", "sslmode must be"),
            ("postgres://u@h/d?sslmode=allow", "use disable or prefer"),
            ("postgres://u@h/d?sslmode=require&sslrootcert=ca.pem", "sslrootcert only has an effect"),
            ("postgres://u@h/d?sslrootcert=ca.pem", "sslrootcert only has an effect"),
            ("postgres://u@h/d?sslmode=verify-full&sslcert=c.pem", "need each other"),
            ("postgres://u@h/d?sslmode=disable&sslmode=verify-full", "sslmode is there twice"),
            ("postgres://u@h/d?sslmode=disable&ssl-mode=verify-full", "sslmode is there twice"),
            ("postgres://u@h/d?host=a&hostaddr=192.0.2.1", "only one has an effect"),
            ("postgres://u@/d?host=a,b", "only one host"),
            ("postgres://u@h/d?options=-c%20statement_timeout%3D60s", "the server sets them"),
            ("postgres://u@h/d?options[statement_timeout]=60s", "the server sets them"),
            ("postgres://u@h/d#fragment", "percent-encode # as %23"),
            ("postgres://u:p/w@h/d", "percent-encode / ? # @ in the password"),
            ("postgres://u@[::1/d", "is not a URL"),
            ("mysql://u@h/d", "must begin with sqlite:// or postgres://"),
            ("sqlite://", "name a file"),
            ("sqlite::memory:", "name a file"),
            ("sqlite://:memory:", "name a file"),
            ("sqlite://app.db?mode=memory", "takes no parameters"),
            ("sqlite://app.db?mode=ro", "takes no parameters"),
            ("sqlite://app.db?mode=rwc&immutable=1", "takes no parameters"),
            ("sqlite://app.db?busy_timeout=9", "takes no parameters"),
        ] {
            let error = checked(url).expect_err(url);
            assert!(error.contains(message), "{url}: {error}");
        }
        for url in [
            "sqlite://app.db",
            "sqlite:app.db",
            "sqlite:///var/app.db?mode=rwc",
            "postgres://u@h/d?sslmode=verify-full&sslrootcert=ca.pem&sslcert=c.pem&sslkey=k.pem",
            "postgres://u@h/d?application_name=auth&options[search_path]=auth",
        ] {
            assert_eq!(checked(url), Ok(()), "{url}");
        }
    }

    #[test]
    fn unknown_parameter_beside_a_password_is_not_echoed() {
        let error = checked("postgres://h/d?user=u&password=hunt&er2=x").unwrap_err();
        assert!(!error.contains("er2"), "{error}");
    }

    #[test]
    fn postgres_variable_without_effect_is_rejected() {
        let with = |name: &'static str, value: &'static str| {
            check("postgres://u@h/d", move |asked| (asked == name).then_some(value))
                .err()
                .map(|error| error.to_string())
        };
        assert_eq!(with("PGSSLMODE", "verify-full"), None);
        assert!(with("PGSSLMODE", "verify_full").unwrap().contains("sslmode must be"));
        assert!(with("PGSSLROOTCERT", "ca.pem").unwrap().contains("only has an effect"));
        assert!(with("PGPORT", "five").unwrap().contains("PGPORT"));
    }

    #[test]
    fn sqlite_path_is_the_file_that_is_opened() {
        assert_eq!(sqlite_path("sqlite://my%20data/app.db"), Some("my data/app.db".into()));
        assert_eq!(sqlite_path("sqlite:///var/app.db?mode=rwc"), Some("/var/app.db".into()));
        assert_eq!(sqlite_path("postgres://u@h/d"), None);
    }
}
