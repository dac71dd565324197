//! New databases for tests.

use sqlx::Connection as _;
use std::path::Path;

/// Returns the URL of a new database: SQLite in this folder, or on the PostgreSQL server that `scripts/postgres` has
/// started.
pub async fn new_database(folder: &Path) -> String {
    let Ok(server) = std::env::var("TEST_POSTGRES") else {
        return format!("sqlite://{}/test.db", folder.display());
    };
    let name = format!("t{}", uuid::Uuid::new_v4().simple());
    let mut connection = sqlx::PgConnection::connect(&format!("{server}/postgres")).await.unwrap();
    let create = sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"));
    sqlx::raw_sql(create).execute(&mut connection).await.unwrap();
    format!("{server}/{name}")
}

/// Returns whether [`new_database`] creates databases on PostgreSQL.
pub fn uses_postgres() -> bool {
    std::env::var("TEST_POSTGRES").is_ok()
}
