//! Inspecting a database without creating or changing anything.

use super::Db;
use super::connect::{migrator, sqlite_hooks, sqlite_tables};
use super::database_url::{self, DatabaseUrl};
use super::open_error::OpenError;
use super::pool::Pool;
use super::postgres::{self, Session};
use super::postgres_url;
use sqlx::migrate::MigrateError;
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, Executor as _, Row as _};
use std::sync::Arc;

enum State {
    /// SQLite's file does not exist.
    Missing,
    Empty,
    /// The schema is of an earlier version.
    Outdated,
    Ready,
}

struct Inspection {
    /// The name for messages. Not the URL, which has the password.
    place: String,
    kind: String,
    state: State,
}

impl Db {
    /// Describes the database that [`Db::open`] would find.
    pub async fn describe(url: &str) -> Result<String, OpenError> {
        let Inspection { place, kind, state } = inspect(url).await?;
        Ok(match state {
            State::Missing => format!("{place} does not exist yet: the first start creates it"),
            State::Empty => format!("{place}, {kind}, empty: the first start creates its tables"),
            State::Outdated => {
                format!("{place}, {kind}, with the schema of an earlier version: the next start migrates it")
            }
            State::Ready => format!("{place}, {kind}, in use"),
        })
    }

    /// Like [`Db::open`], but only for a database that already has the schema of this version. A command must
    /// neither create an empty database nor migrate one that an earlier server still uses.
    pub async fn open_existing(url: &str) -> Result<Self, OpenError> {
        let Inspection { place, state, .. } = inspect(url).await?;
        match state {
            State::Ready => Self::open(url).await,
            State::Missing | State::Empty => Err(OpenError::Missing { place }),
            State::Outdated => Err(OpenError::OutdatedSchema { place }),
        }
    }

    /// Like [`Db::open_existing`], for commands that change nothing, not even file permissions.
    pub async fn open_read_only(url: &str) -> Result<Self, OpenError> {
        let DatabaseUrl::Sqlite(options) = database_url::parse(url)? else {
            return Self::open_existing(url).await;
        };
        let Inspection { place, state, .. } = inspect_sqlite(options.clone()).await?;
        match state {
            State::Ready => {
                let options = options.read_only(true);
                let pool = || Arc::new(Pool::new(options.clone(), 1, sqlite_hooks()));
                Ok(Self::Sqlite { write: pool(), read: pool() })
            }
            State::Missing | State::Empty => Err(OpenError::Missing { place }),
            State::Outdated => Err(OpenError::OutdatedSchema { place }),
        }
    }
}

async fn inspect(url: &str) -> Result<Inspection, OpenError> {
    match database_url::parse(url)? {
        DatabaseUrl::Sqlite(options) => inspect_sqlite(options).await,
        DatabaseUrl::Postgres(options) => inspect_postgres(options).await,
    }
}

const VERSION: &str = "SELECT CAST(coalesce(max(version), 0) AS BIGINT) AS version FROM schema_versions";

async fn inspect_postgres(options: PgConnectOptions) -> Result<Inspection, OpenError> {
    let place = postgres_url::place(&options);
    let (mut connection, Session { is_direct, .. }) = postgres::connect(options, &place).await?;
    let inspected = postgres::with_timeout(&place, async {
        let server = "SELECT current_setting('server_version') AS version";
        let server: String = connection.fetch_one(server).await?.try_get("version")?;
        let (has_version, has_tables) = postgres::tables(&mut connection).await?;
        let version: Option<i64> =
            if has_version { connection.fetch_one(VERSION).await?.try_get("version")? } else { None };
        connection.close().await?;
        Ok((server, has_tables, version))
    });
    let (server, has_tables, version) = inspected.await?;
    let state = classify(&place, has_tables, version)?;
    let pooler = if is_direct { "" } else { " behind a pooler" };
    Ok(Inspection { place, kind: format!("PostgreSQL {server}{pooler}"), state })
}

async fn inspect_sqlite(options: SqliteConnectOptions) -> Result<Inspection, OpenError> {
    let file = options.get_filename();
    let (place, kind) = (file.display().to_string(), "SQLite".to_owned());
    if !file.exists() {
        return Ok(Inspection { place, kind, state: State::Missing });
    }
    let open_error = |cause| OpenError::sqlite(&place, cause);
    let options = options.read_only(true);
    let mut connection = options.connect().await.map_err(open_error)?;
    let (tables, version_tables) = sqlite_tables(&mut connection).await.map_err(open_error)?;
    let version: Option<i64> = if version_tables > 0 {
        Some(sqlx::query_scalar(VERSION).fetch_one(&mut connection).await.map_err(open_error)?)
    } else {
        None
    };
    // Ignored: a read-only connection cannot remove SQLite's WAL file.
    let _ = connection.close().await;
    let state = classify(&place, tables > 0, version)?;
    Ok(Inspection { place, kind, state })
}

fn classify(place: &str, has_tables: bool, version: Option<i64>) -> Result<State, OpenError> {
    let current = migrator(true).iter().map(|migration| migration.version).max().unwrap_or_default();
    match version {
        None if has_tables => Err(OpenError::ForeignDatabase { place: place.to_owned() }),
        None => Ok(State::Empty),
        Some(version) if version < current => Ok(State::Outdated),
        Some(version) if version == current => Ok(State::Ready),
        Some(version) => Err(OpenError::OtherVersion {
            place: place.to_owned(),
            cause: MigrateError::VersionMissing(version),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params;

    /// Returns the description of a database in which these statements ran, and whether it can be opened.
    async fn inspected(statements: &'static str) -> (String, bool) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("test.db");
        let url = format!("sqlite://{}", path.display());
        let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true);
        let mut connection = options.connect().await.unwrap();
        if statements.starts_with("current; ") {
            Db::open(&url).await.unwrap().close().await;
        }
        connection.execute(statements.trim_start_matches("current; ")).await.unwrap();
        connection.close().await.unwrap();
        let description = match Db::describe(&url).await {
            Ok(description) => description,
            Err(error) => error.to_string(),
        };
        let opened = Db::open_existing(&url).await;
        if let Ok(db) = &opened {
            db.fetch_all::<()>("SELECT count(*) FROM users", params![]).await.unwrap();
        }
        (description, opened.is_ok())
    }

    #[tokio::test]
    async fn inspection_reports_state_opens_only_current_schema() {
        for (statements, message, opens) in [
            ("current; SELECT 1", "in use", true),
            ("current; DELETE FROM schema_versions", "of an earlier version", false),
            ("current; UPDATE schema_versions SET version = 99", "of another version", false),
            ("CREATE TABLE users (x)", "it has other tables", false),
            ("PRAGMA user_version = 1", "empty", false),
        ] {
            let (description, opened) = inspected(statements).await;
            assert!(description.contains(message), "{statements}: {description}");
            assert_eq!(opened, opens, "{statements}");
        }
    }
}
