//! What several of the test programs need: a database of their own.

use sqlx::Connection as _;
use std::path::Path;

/// The URL of a new database: in this folder, or at the PostgreSQL that `scripts/postgres` has started for
/// the tests.
#[allow(clippy::disallowed_methods)]
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
