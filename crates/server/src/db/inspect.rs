//! What state a database is in. Nothing is made or changed.

use super::Db;
use super::connect::{
    OpenError, migrator, postgres, postgres_tables, sqlite_hooks, sqlite_path, sqlite_tables,
    with_connect_timeout,
};
use super::pool::Pool;
use sqlx::migrate::MigrateError;
use sqlx::postgres::PgConnection;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};
use std::path::Path;
use std::str::FromStr as _;

enum State {
    /// SQLite's file is not there.
    Missing,
    Empty,
    /// Of an earlier version.
    Behind,
    Ready,
}

struct Inspection {
    /// What to call it: never the URL, which has the password.
    place: String,
    kind: String,
    state: State,
}

impl Db {
    /// What [`Db::open`] would find, in words.
    pub async fn describe(url: &str) -> Result<String, OpenError> {
        let Inspection { place, kind, state } = inspect(url).await?;
        Ok(match state {
            State::Missing => format!("{place} is not there yet: the first start makes it"),
            State::Empty => format!("{place}, {kind}, empty: the first start makes its tables"),
            State::Behind => {
                format!("{place}, {kind}, of an earlier version: the next start brings it up to date")
            }
            State::Ready => format!("{place}, {kind}, in use"),
        })
    }

    /// [`Db::open`], but of a database that a server of this version has begun: for who comes to look, and would
    /// otherwise look at an empty one of their own, or change one under a server of an earlier version.
    pub async fn open_existing(url: &str) -> Result<Self, OpenError> {
        let Inspection { place, state, .. } = inspect(url).await?;
        match state {
            State::Ready => Self::open(url).await,
            State::Missing | State::Empty => Err(OpenError::Missing { place }),
            State::Behind => Err(OpenError::OutdatedSchema { place }),
        }
    }

    /// [`Db::open_existing`] for commands that change nothing, not even the access rights of the files.
    pub async fn open_read_only(url: &str) -> Result<Self, OpenError> {
        let Some(path) = sqlite_path(url) else { return Self::open_existing(url).await };
        let Inspection { place, state, .. } = inspect_sqlite(url, &path).await?;
        match state {
            State::Ready => {
                let options = SqliteConnectOptions::from_str(url)
                    .map_err(|cause| OpenError::Open { place, cause })?
                    .read_only(true);
                let pool = || Pool::new(options.clone(), 1, sqlite_hooks());
                Ok(Self::Sqlite { write: pool(), read: pool() })
            }
            State::Missing | State::Empty => Err(OpenError::Missing { place }),
            State::Behind => Err(OpenError::OutdatedSchema { place }),
        }
    }
}

async fn inspect(url: &str) -> Result<Inspection, OpenError> {
    if let Some(path) = sqlite_path(url) {
        inspect_sqlite(url, &path).await
    } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        inspect_postgres(url).await
    } else {
        Err(OpenError::UnknownKind)
    }
}

const VERSION: &str = "SELECT CAST(coalesce(max(version), 0) AS BIGINT) FROM schema_versions";

async fn inspect_postgres(url: &str) -> Result<Inspection, OpenError> {
    let (options, place) = postgres(url)?;
    let seen = with_connect_timeout(&place, async {
        let mut connection = PgConnection::connect_with(&options).await?;
        let server: String =
            sqlx::query_scalar("SELECT current_setting('server_version')").fetch_one(&mut connection).await?;
        let (has_ours, has_others) = postgres_tables(&mut connection).await?;
        let version: Option<i64> =
            if has_ours { Some(sqlx::query_scalar(VERSION).fetch_one(&mut connection).await?) } else { None };
        Ok((server, has_others, version))
    });
    let (server, has_others, version) = seen.await?;
    let state = classify(&place, has_others, version)?;
    Ok(Inspection { place, kind: format!("PostgreSQL {server}"), state })
}

async fn inspect_sqlite(url: &str, path: &Path) -> Result<Inspection, OpenError> {
    let (place, kind) = (path.display().to_string(), "SQLite".to_owned());
    if !path.exists() {
        return Ok(Inspection { place, kind, state: State::Missing });
    }
    let open_error = |cause| OpenError::Open { place: place.clone(), cause };
    let options = SqliteConnectOptions::from_str(url).map_err(open_error)?.read_only(true);
    let mut connection = options.connect().await.map_err(open_error)?;
    let (tables, ours) = sqlite_tables(&mut connection).await.map_err(open_error)?;
    let version: Option<i64> = if ours > 0 {
        Some(sqlx::query_scalar(VERSION).fetch_one(&mut connection).await.map_err(open_error)?)
    } else {
        None
    };
    // The last to leave tidies up, which a reader may not.
    let _ = connection.close().await;
    let state = classify(&place, tables > 0, version)?;
    Ok(Inspection { place, kind, state })
}

fn classify(place: &str, has_tables: bool, version: Option<i64>) -> Result<State, OpenError> {
    let ours = migrator(true).iter().map(|migration| migration.version).max().unwrap_or_default();
    match version {
        None if has_tables => Err(OpenError::ForeignDatabase { place: place.to_owned() }),
        None => Ok(State::Empty),
        Some(version) if version < ours => Ok(State::Behind),
        Some(version) if version == ours => Ok(State::Ready),
        Some(version) => Err(OpenError::OtherVersion {
            place: place.to_owned(),
            cause: MigrateError::VersionMissing(version),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values;
    use sqlx::Executor as _;

    /// What is said of a database in which these statements were run, and whether it can be looked into.
    async fn inspected(statements: &'static str) -> (String, bool) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("test.db");
        let url = format!("sqlite://{}", path.display());
        let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true);
        let mut connection = options.connect().await.unwrap();
        if statements.starts_with("ours; ") {
            Db::open(&url).await.unwrap().close().await;
        }
        connection.execute(statements.trim_start_matches("ours; ")).await.unwrap();
        connection.close().await.unwrap();
        let words = match Db::describe(&url).await {
            Ok(words) => words,
            Err(error) => error.to_string(),
        };
        let opened = Db::open_existing(&url).await;
        if let Ok(db) = &opened {
            db.read("SELECT count(*) FROM users", values![]).await.unwrap();
        }
        (words, opened.is_ok())
    }

    #[tokio::test]
    async fn inspection_reports_state_opens_only_current_schema() {
        for (statements, told, opens) in [
            ("ours; SELECT 1", "in use", true),
            ("ours; DELETE FROM schema_versions", "of an earlier version", false),
            ("ours; UPDATE schema_versions SET version = 99", "by another version", false),
            ("CREATE TABLE users (x)", "it has other tables", false),
            ("PRAGMA user_version = 1", "empty", false),
        ] {
            let (words, opened) = inspected(statements).await;
            assert!(words.contains(told), "{statements}: {words}");
            assert_eq!(opened, opens, "{statements}");
        }
    }
}
