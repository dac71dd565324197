//! Opening a database, and describing it without opening it.

use super::database_url::{self, DatabaseUrl};
use super::handle::Db;
use super::open_error::OpenError;
use super::postgres::Server;
use super::schema::Inspection;
use super::sqlite;
use sqlx::sqlite::SqliteConnectOptions;
use std::sync::Arc;

impl Db {
    /// Opens the database at `url` and migrates it. Creates SQLite's file if it is missing. Several processes may
    /// do so concurrently.
    pub async fn open(url: &str) -> Result<Self, OpenError> {
        match database_url::parse(url)? {
            DatabaseUrl::Sqlite(options) => {
                sqlite::migrate(options.clone()).await?;
                Ok(Self::of_file(options))
            }
            DatabaseUrl::Postgres(options) => {
                let (server, connection) = Server::connect(options).await?;
                server.migrate(connection).await?;
                Ok(Self::of_server(server))
            }
        }
    }

    /// Like [`Db::open`], but only for a database that already has the schema of this version. A command must
    /// neither create an empty database nor migrate one that an earlier server still uses.
    pub async fn open_existing(url: &str) -> Result<Self, OpenError> {
        let (inspection, db) = Self::find(url).await?;
        inspection.require_ready()?;
        Ok(db)
    }

    /// Like [`Db::open_existing`], for commands that change nothing, not even the files beside SQLite's.
    pub async fn open_read_only(url: &str) -> Result<Self, OpenError> {
        let DatabaseUrl::Sqlite(options) = database_url::parse(url)? else {
            return Self::open_existing(url).await;
        };
        sqlite::inspect(options.clone()).await?.require_ready()?;
        let pool = sqlite::read_only_pool(options);
        Ok(Self::Sqlite { write: Arc::clone(&pool), read: pool })
    }

    /// Describes the database that [`Db::open`] would find.
    pub async fn describe(url: &str) -> Result<String, OpenError> {
        Ok(Self::find(url).await?.0.to_string())
    }

    /// Inspects a database without creating or changing anything.
    async fn find(url: &str) -> Result<(Inspection, Self), OpenError> {
        match database_url::parse(url)? {
            DatabaseUrl::Sqlite(options) => {
                Ok((sqlite::inspect(options.clone()).await?, Self::of_file(options)))
            }
            DatabaseUrl::Postgres(options) => {
                let (server, connection) = Server::connect(options).await?;
                Ok((server.inspect(connection).await?, Self::of_server(server)))
            }
        }
    }

    fn of_file(options: SqliteConnectOptions) -> Self {
        let (write, read) = sqlite::pools(options);
        Self::Sqlite { write, read }
    }

    fn of_server(server: Server) -> Self {
        let link = server.link;
        Self::Postgres { pool: Arc::new(server.pool()), link }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params;
    use sqlx::{ConnectOptions as _, Connection as _, Executor as _};

    #[tokio::test]
    async fn migration_failure_differs_from_foreign_version() {
        for (change, message) in [
            ("UPDATE schema_versions SET version = 99", "schema of another version"),
            ("DELETE FROM schema_versions", "migrate the database test.db: while executing migration 1"),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("test.db");
            let url = format!("sqlite://{}", path.display());
            let db = Db::open(&url).await.unwrap();
            db.execute(change, params![]).await.unwrap();
            db.close().await;
            let error = Db::open(&url).await.err().unwrap().to_string();
            assert!(error.replace(&path.display().to_string(), "test.db").contains(message), "{error}");
        }
    }

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
            ("current; UPDATE schema_versions SET checksum = x'00'", "of another version", false),
            ("CREATE TABLE users (x)", "it has other tables", false),
            ("PRAGMA user_version = 1", "empty", false),
        ] {
            let (description, opened) = inspected(statements).await;
            assert!(description.contains(message), "{statements}: {description}");
            assert_eq!(opened, opens, "{statements}");
        }
    }
}
