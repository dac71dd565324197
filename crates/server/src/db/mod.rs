//! The database: one API over SQLite and PostgreSQL, and the only module that knows both.
//!
//! A statement is one `&'static str` with `$1` placeholders, which both databases read. Its parameters are
//! text or 64-bit integers, and its rows load into types with `#[derive(sqlx::FromRow)]`, by column name.
//! The SQL is beside the type that it loads: this module knows no table.
//!
//! Every statement is read to the end of its row stream. A stream that is dropped after its first row can
//! report success for a write whose commit failed.

mod database_url;
mod error;
mod handle;
mod open;
mod open_error;
pub mod param;
mod pool;
mod postgres;
mod postgres_url;
mod schema;
mod sqlite;

pub use database_url::{check as check_url, sqlite_path};
pub use error::DbError;
pub use handle::{Db, FromDbRow, Tx};
pub use open_error::{OpenError, UrlError};
pub use param::{Param, json_array};
pub use postgres_url::POSTGRES_PARAMETERS;
