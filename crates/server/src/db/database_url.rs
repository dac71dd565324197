//! Parses `DATABASE_URL`. It rejects what sqlx ignores: a parameter without effect is a mistake of the operator.

use super::open_error::UrlError;
use super::postgres_url;
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use std::path::PathBuf;
use std::str::FromStr as _;

/// A parsed URL.
pub(super) enum DatabaseUrl {
    Sqlite(SqliteConnectOptions),
    Postgres(PgConnectOptions),
}

/// Checks a URL, and the variables of the environment that complete a PostgreSQL URL.
pub fn check(url: &str) -> Result<(), UrlError> {
    parse(url).map(drop)
}

#[expect(clippy::disallowed_methods, reason = "sqlx reads libpq's variables itself, from the environment")]
pub(super) fn parse(url: &str) -> Result<DatabaseUrl, UrlError> {
    if url.starts_with("sqlite:") {
        parse_sqlite(url).map(DatabaseUrl::Sqlite)
    } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        postgres_url::parse(url, |name| std::env::var(name).ok()).map(DatabaseUrl::Postgres)
    } else {
        Err(UrlError::new("must begin with sqlite:// or postgres://"))
    }
}

/// Returns the file of a SQLite URL, or `None` for any other URL.
pub fn sqlite_path(url: &str) -> Option<PathBuf> {
    let options = url.starts_with("sqlite:").then(|| parse_sqlite(url).ok())??;
    Some(options.get_filename().to_owned())
}

fn parse_sqlite(url: &str) -> Result<SqliteConnectOptions, UrlError> {
    // Creating the file is what the server does anyway.
    if url.split_once('?').is_some_and(|(_, parameters)| parameters != "mode=rwc") {
        return Err(UrlError::new("SQLite takes no parameters here: remove them, from the ? on"));
    }
    let options = SqliteConnectOptions::from_str(url).map_err(|error| UrlError::new(error.to_string()))?;
    let file = options.get_filename().to_string_lossy();
    // SQLite takes :memory: and file:… for more than the name of a file.
    if file.is_empty() || file.starts_with(':') || file.starts_with("file:") || file.contains('\0') {
        return Err(UrlError::new("name a file: data in memory is lost when the server stops"));
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(url: &str) -> Result<(), String> {
        check(url).map_err(|error| error.to_string())
    }

    #[test]
    fn database_url_with_ineffective_parameter_is_rejected() {
        for (url, message) in [
            ("postgres://u@h/d?ssl_mode=verify-full", "unknown parameter ssl_mode: did you mean sslmode?"),
            ("postgres://u@h/d?sslrootcertt=x", "did you mean sslrootcert?"),
            ("postgres://u@h/d?connect_timeout=5", "unknown parameter connect_timeout"),
            (
                "postgres://u@h/d?channel_binding=require",
                "no effect, remove it. Accepted: sslmode, sslrootcert,",
            ),
            ("postgres://u@h/d?statement-cache-capacity=0", "unknown parameter statement-cache-capacity"),
            ("postgres://u@h/d?sslmode=verify_full", "sslmode must be"),
            ("postgres://u@h/d?sslmode=allow", "use disable or prefer"),
            ("postgres://u@h/d?sslmode=require&sslrootcert=ca.pem", "sslrootcert only has an effect"),
            ("postgres://u@h/d?sslrootcert=ca.pem", "sslrootcert only has an effect"),
            ("postgres://u@h/d?sslmode=verify-full&sslcert=c.pem", "need each other"),
            (
                "postgres://u@h/d?sslmode=verify-full&sslrootcert=/nowhere/ca.pem",
                "the file of sslrootcert: No such file",
            ),
            ("postgres://u@h/d?sslcert=/&sslkey=/", "the file of sslcert: Is a directory"),
            ("postgres://u@h/d?port=five", "the port must be a number"),
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
            ("sqlite://%3Amemory%3A", "name a file"),
            ("sqlite:file::memory:", "name a file"),
            ("sqlite:file:x%3Fmode%3Dmemory", "name a file"),
            ("sqlite:app.db%00", "name a file"),
            ("sqlite://app.db?mode=memory", "takes no parameters"),
            ("sqlite://app.db?mode=ro", "takes no parameters"),
            ("sqlite://app.db?mode=rwc&immutable=1", "takes no parameters"),
            ("sqlite://app.db?busy_timeout=9", "takes no parameters"),
        ] {
            let error = checked(url).expect_err(url);
            assert!(error.contains(message), "{url}: {error}");
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        let file = file.path().display();
        for url in [
            "sqlite://app.db",
            "sqlite:app.db",
            "sqlite:///var/app.db?mode=rwc",
            &format!("postgres://u@h/d?sslmode=verify-full&sslrootcert={file}&sslcert={file}&sslkey={file}"),
            "postgres://u@h/d?application_name=auth&options[search_path]=auth",
        ] {
            assert_eq!(checked(url), Ok(()), "{url}");
        }
    }

    #[test]
    fn sqlite_path_is_the_file_that_is_opened() {
        assert_eq!(sqlite_path("sqlite://my%20data/app.db"), Some("my data/app.db".into()));
        assert_eq!(sqlite_path("sqlite:///var/app.db?mode=rwc"), Some("/var/app.db".into()));
        assert_eq!(sqlite_path("postgres://u@h/d"), None);
    }
}
