//! The errors of a database URL and of opening a database, with advice that fits the cause.

use sqlx::migrate::MigrateError;
use std::io::ErrorKind;
use std::path::PathBuf;

/// The error of a database URL. The message does not quote the URL, which may hold a password.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct UrlError {
    /// The variable that has the mistake: `DATABASE_URL`, or one of libpq's.
    pub variable: &'static str,
    pub(super) message: String,
}

impl UrlError {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { variable: "DATABASE_URL", message: message.into() }
    }
}

/// The database cannot be opened. Each message is one line that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("{variable}: {0}", variable = .0.variable)]
    Url(#[from] UrlError),
    #[error("cannot create the folder {}: {cause}. Make its parent writable, or set DATABASE_URL to another path", .folder.display())]
    Folder { folder: PathBuf, cause: std::io::Error },
    #[error("cannot open the database {place}: {cause}. {advice}")]
    Open { place: String, cause: sqlx::Error, advice: &'static str },
    #[error(
        "{place} is not a database of cometchat-auth: it has other tables. Set DATABASE_URL to another database"
    )]
    ForeignDatabase { place: String },
    #[error(
        "there is no database at {place}. Run the command in the server's folder with the server's settings, or set DATABASE_URL"
    )]
    Missing { place: String },
    #[error(
        "the database {place} has the schema of an earlier version. Start the server of this version once: it migrates the database"
    )]
    OutdatedSchema { place: String },
    #[error("the database {place} has the schema of another version of cometchat-auth: {cause}")]
    OtherVersion { place: String, cause: MigrateError },
    #[error(
        "cannot migrate the database {place}: {cause}. The migration was rolled back: fix the cause and start again"
    )]
    Migrate { place: String, cause: MigrateError },
}

impl OpenError {
    pub(super) fn sqlite(place: &str, cause: sqlx::Error) -> Self {
        let advice = sqlite_advice(&cause);
        Self::Open { place: place.to_owned(), cause, advice }
    }

    pub(super) fn postgres(place: &str, cause: sqlx::Error) -> Self {
        let advice = postgres_advice(&cause);
        Self::Open { place: place.to_owned(), cause, advice }
    }

    pub(super) fn from_migration(place: &str, cause: MigrateError) -> Self {
        let place = place.to_owned();
        match cause {
            // The database or the network failed, not the schema.
            MigrateError::Execute(_) | MigrateError::ExecuteMigration(..) => Self::Migrate { place, cause },
            _ => Self::OtherVersion { place, cause },
        }
    }
}

/// Returns what to do about an error of SQLite, by its primary result code.
fn sqlite_advice(cause: &sqlx::Error) -> &'static str {
    let code = match cause {
        sqlx::Error::Database(cause) => cause.code().and_then(|code| code.parse::<u32>().ok()),
        sqlx::Error::Io(error) => match error.kind() {
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Some(14),
            ErrorKind::StorageFull => Some(13),
            _ => None,
        },
        _ => None,
    };
    match code.map(|code| code & 0xff) {
        Some(5 | 6) => "Another process keeps it locked: wait, or stop that process",
        Some(8 | 14) => "Make the file and its folder writable",
        Some(13) => "The disk is full: free some space",
        Some(11) => "The file is damaged: restore a backup",
        _ => "Check that its folder is writable and that it is a database of cometchat-auth",
    }
}

/// Returns what to do about an error of PostgreSQL.
fn postgres_advice(cause: &sqlx::Error) -> &'static str {
    match cause {
        sqlx::Error::Io(error) => match error.kind() {
            ErrorKind::ConnectionRefused => "Check that PostgreSQL runs there, and the port in DATABASE_URL",
            ErrorKind::NotFound => "Check that PostgreSQL runs, and the socket's folder in DATABASE_URL",
            ErrorKind::PermissionDenied => "Allow the server's user to open the socket",
            ErrorKind::TimedOut => "Check host and port in DATABASE_URL, and the firewalls in between",
            ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => {
                "Check that a PostgreSQL server listens there, and its log"
            }
            _ => "Check the host in DATABASE_URL, and the network",
        },
        sqlx::Error::Tls(_) => "Check sslmode and the certificates in DATABASE_URL",
        sqlx::Error::Protocol(_) => "Check that a PostgreSQL server listens there",
        sqlx::Error::Database(cause) => sqlstate_advice(&cause.code().unwrap_or_default()),
        _ => "Check DATABASE_URL, and see PostgreSQL's log",
    }
}

/// Returns what to do about an error code of PostgreSQL or a pooler. The codes are in PostgreSQL's manual, appendix A.
fn sqlstate_advice(code: &str) -> &'static str {
    match code {
        "28P01" | "28000" => "Check user and password in DATABASE_URL, and the server's pg_hba.conf",
        "3D000" => "Create the database, or set DATABASE_URL to another one",
        "42501" => "Grant DATABASE_URL's user access to the database and its schema",
        // PgBouncer has this code for nearly all of its errors.
        "08P01" => "See the log of the pooler. It must run in session or transaction mode",
        "53300" | "57P01" | "57P02" | "57P03" => {
            "PostgreSQL accepts no more connections now: try again, and see its log"
        }
        "55P03" => "Another start is migrating the database: wait, or end its session in PostgreSQL",
        "57014" => "PostgreSQL is slow, or waits for another transaction: try again, and see its log",
        _ => "See PostgreSQL's log",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_fits_the_database_and_the_cause() {
        let io = |kind: ErrorKind| sqlx::Error::from(std::io::Error::from(kind));
        let message = |error: OpenError| error.to_string();
        for (kind, advice) in [
            (ErrorKind::ConnectionRefused, "port in DATABASE_URL"),
            (ErrorKind::NotFound, "socket's folder"),
            (ErrorKind::TimedOut, "firewalls"),
            (ErrorKind::Other, "the network"),
        ] {
            let message = message(OpenError::postgres("d on h:1", io(kind)));
            assert!(message.contains(advice) && !message.contains("writable"), "{message}");
        }
        for (code, advice) in [
            ("08P01", "the log of the pooler"),
            ("28P01", "user and password"),
            ("53300", "no more connections"),
            ("53100", "See PostgreSQL's log"),
            ("55P03", "Another start is migrating"),
            ("57014", "waits for another transaction"),
            ("57P03", "no more connections"),
            ("57P05", "See PostgreSQL's log"),
        ] {
            assert!(sqlstate_advice(code).contains(advice), "{code}");
        }
        let message = message(OpenError::sqlite("app.db", io(ErrorKind::PermissionDenied)));
        assert!(message.contains("writable"), "{message}");
    }
}
