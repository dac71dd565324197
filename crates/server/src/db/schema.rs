//! The schema: its migrations, and how a database's schema compares with it.

use super::open_error::OpenError;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::{AssertSqlSafe, SqlSafeStr as _};
use std::fmt;

/// Selects the latest migration of a database.
pub(super) const LATEST_MIGRATION: &str =
    "SELECT version, checksum FROM schema_versions ORDER BY version DESC LIMIT 1";

/// Returns the schema's migrations. Before the first release there is one, which is edited in place.
pub(super) fn migrator(is_sqlite: bool) -> Migrator {
    let initial = include_str!("../../migrations/0001_initial.sql");
    let initial = if is_sqlite { initial.to_owned() } else { initial.replace(") WITHOUT ROWID;", ");") };
    let sql = AssertSqlSafe(initial).into_sql_str();
    let initial = Migration::new(1, "initial".into(), MigrationType::Simple, sql, false);
    let mut migrator = Migrator::with_migrations(vec![initial]);
    // The transaction around the migration has the lock. sqlx's lock on PostgreSQL belongs to a session.
    migrator.set_locking(false);
    // Not sqlx's default name, so that another program's database is not taken for this server's.
    migrator.dangerous_set_table_name("schema_versions");
    migrator
}

/// A database, as it is before anything is created or changed.
pub(super) struct Inspection {
    /// The name for messages. Not the URL, which has the password.
    pub place: String,
    pub kind: String,
    pub state: State,
}

pub(super) enum State {
    /// SQLite's file does not exist.
    Missing,
    Empty,
    /// The schema is of an earlier version.
    Outdated,
    Ready,
}

impl Inspection {
    /// Returns an error unless the database has the schema of this version.
    pub fn require_ready(self) -> Result<(), OpenError> {
        let place = self.place;
        match self.state {
            State::Ready => Ok(()),
            State::Missing | State::Empty => Err(OpenError::Missing { place }),
            State::Outdated => Err(OpenError::OutdatedSchema { place }),
        }
    }
}

impl fmt::Display for Inspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, kind, state } = self;
        match state {
            State::Missing => write!(f, "{place} does not exist yet: the first start creates it"),
            State::Empty => write!(f, "{place}, {kind}, empty: the first start creates its tables"),
            State::Outdated => {
                write!(
                    f,
                    "{place}, {kind}, with the schema of an earlier version: the next start migrates it"
                )
            }
            State::Ready => write!(f, "{place}, {kind}, in use"),
        }
    }
}

impl State {
    /// Returns the state of an existing database. `latest` is the version and checksum of its latest migration, and `None`
    /// without the version table.
    pub fn new(
        place: &str,
        migrator: &Migrator,
        has_tables: bool,
        latest: Option<(i64, Vec<u8>)>,
    ) -> Result<Self, OpenError> {
        let place = place.to_owned();
        let Some((version, checksum)) = latest else {
            return if has_tables { Err(OpenError::ForeignDatabase { place }) } else { Ok(Self::Empty) };
        };
        let cause = match migrator.iter().max_by_key(|migration| migration.version) {
            Some(current) if version < current.version => return Ok(Self::Outdated),
            Some(current) if version > current.version => MigrateError::VersionMissing(version),
            Some(current) if *checksum != *current.checksum => MigrateError::VersionMismatch(version),
            _ => return Ok(Self::Ready),
        };
        Err(OpenError::OtherVersion { place, cause })
    }
}
